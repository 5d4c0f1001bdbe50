"""Pasted commands: every one of the guide, every way to write one, and back again."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.fakes import mlcr_repository
from tui.engine import catalog, command, launch, mlcr_options, presets, spec
from tui.engine.errors import MlperfTuiError, SpecError
from tui.engine.launch import Request
from tui.engine.spec import Choice

KNOWN = catalog.load(with_users=False)
NOWHERE = Path("/nowhere")
TAKES = mlcr_options.snapshot()
OFFLINE = """\
cd /mnt/data/mlperf-official
source mlc/bin/activate

# Run ResNet50 on GPU
mlcr run-mlperf,inference,_find-performance,_full,_r5.1-dev \\
  --model=resnet50 \\
  --implementation=reference \\
  --framework=onnxruntime \\
  --category=edge \\
  --scenario=Offline \\
  --execution_mode=test \\
  --device=cuda \\
  --quiet
"""
SHORT = """\
mlcr run-mlperf,inference \\
  --model={} \\
  --device=cuda \\
  --scenario={} \\
  --execution_mode=test
"""
BATCH = """\
# Run smaller batch size
mlcr run-mlperf,inference \\
  --model=resnet50 \\
  --device=cuda \\
  --max_batchsize=1
"""
GUIDE = {
    "guide-resnet50-offline": OFFLINE,
    "guide-resnet50-singlestream": SHORT.format("resnet50", "SingleStream"),
    "guide-resnet50-server": SHORT.format("resnet50", "Server"),
    "guide-bert-offline": SHORT.format("bert", "Offline"),
    "guide-small-batch": BATCH,
}


@pytest.fixture(autouse=True)
def no_installation(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped list is what mlcr takes."""
    monkeypatch.setattr("tui.engine.mlcflow.OFFICIAL_DEFAULT", root / "nowhere")


def parsed(text: str) -> Request:
    return command.parse(text, KNOWN, NOWHERE).request


def chosen(request: Request) -> Choice:
    benchmark = KNOWN.benchmark(request.benchmark)
    return spec.choose(benchmark, request.scenario, launch.options_of(request), TAKES)


def notes(text: str) -> str:
    return "\n".join(command.parse(text, KNOWN, NOWHERE).notes)


@pytest.mark.parametrize("name", GUIDE)
def test_the_guides_commands_are_understood_and_are_the_presets(name: str) -> None:
    request = parsed(GUIDE[name])
    choice = chosen(request)
    spec.check(choice, KNOWN.benchmark(request.benchmark), TAKES)
    assert choice == chosen(presets.request_of(KNOWN.preset(name)))


def test_the_guides_first_command_comes_out_as_it_is_written() -> None:
    words = spec.words(chosen(parsed(OFFLINE)), TAKES)
    pasted = OFFLINE[OFFLINE.index("mlcr") :].replace("\\\n", " ").split()[1:]
    ours = ["--adr.compiler.tags=gcc", "--results_dir={run}/results"]
    assert sorted(words) == sorted([*pasted, *ours])


def test_what_a_command_leaves_open_is_what_mlcr_takes() -> None:
    choice = chosen(parsed("mlcr run-mlperf,inference"))
    assert (choice.model, choice.scenario, choice.device) == ("resnet50", "Offline", "cpu")
    assert (choice.mode, choice.style, choice.version) == ("both", "short", "r6.1-dev")
    assert choice.values["framework"] == "onnxruntime"
    assert chosen(parsed("mlcr run-mlperf,inference,_performance-only")).style == "full"
    assert chosen(parsed("mlcr run-mlperf,inference,_find-performance")).style == "short"


SAME = [
    "mlcr run-mlperf,inference,_full --model=resnet50 --device=cuda",
    "$ mlcr run-mlperf,inference,_full --model=resnet50 --device=cuda",
    "(mlc) ana@gpu-1:/mnt/data$ mlcr run-mlperf,inference,_full --model=resnet50 --device=cuda",
    "mlcr --tags=run-mlperf,inference,_full --model=resnet50 --device=cuda",
    "mlc run script --tags=run-mlperf,inference,_full --model=resnet50 --device=cuda",
    "mlc run script run-mlperf,inference,_full --model=resnet50 --device=cuda",
    "mlcr _full,inference,run-mlperf --device=cuda",
    "mlcr run-mlperf-inference,_full --model resnet50 --device cuda",
    "mlcr run-mlperf,inference,_full '--model=resnet50' --device=\"cuda\"",
    "mlcr run-mlperf,inference,_full \\\r\n  --model=resnet50 \\  \n  --device=cuda\r\n",
    "mlcr run-mlperf,inference,_full model=resnet50 device=cuda --quiet # a comment",
    "mlcr run-mlperf,inference,_full --model=resnet50 --device=cuda > out.log 2>&1",
    "```bash\nmlcr run-mlperf,inference,_full --model=resnet50 --device=cuda\n```",
    "cd /x && source mlc/bin/activate; nohup mlcr run-mlperf,inference,_full --device=cuda &",
    "> mlcr run-mlperf,inference,_full --run-style=test --device=cuda --rerun --results-dir=/x",
]


@pytest.mark.parametrize("text", SAME)
def test_the_same_command_however_it_is_written(text: str) -> None:
    assert chosen(parsed(text)) == chosen(parsed(SAME[0]))


REFUSED = {
    "": "there is no mlcr command in it",
    "ls -l": "there is no mlcr command in it",
    "mlcr detect,os": "detect,os is not MLPerf's run script",
    "mlcr run-mlperf,inference,detect": "'detect' is not a tag of the script",
    "mlcr run-mlperf,inference --modle=x": "'modle' is not a key of this installation's mlcr; "
    "allowed: mode, model",
    "mlcr run-mlperf,inference --foo=bar": "'foo' is not a key",
    "mlcr run-mlperf,inference,_fuul": "'_fuul' is not a variation of this installation's mlcr; "
    "allowed: _full",
    "mlcr run-mlperf,inference,_full,_short": "_full and _short exclude each other",
    "mlcr run-mlperf,inference,_r5.1,_r5.0": "_r5.1 and _r5.0 exclude each other",
    "mlcr run-mlperf,inference,_accuracy-only,_performance-only": "exclude each other",
    "mlcr run-mlperf,inference --model=resnet51": "there is no benchmark for --model=resnet51",
    "mlcr run-mlperf,inference --model=mobilenet": "there is no benchmark for --model=mobilenet",
    "mlcr run-mlperf,inference –-model=resnet50": "the character '–', which mlcr refuses",
    "mlcr run-mlperf,inference --model=“resnet50”": "the character '“', which mlcr refuses",
    "mlcr run-mlperf,inference --debug": "'debug' cannot be set: it opens a shell",
    "mlcr run-mlperf,inference --model='resnet50": "a quote (') is not closed",
    "mlcr run-mlperf,inference --division=opened": "'opened' is not a value of division",
    "mlcr run-mlperf,inference --min_query_count=many": "is not a whole number",
    "mlcr run-mlperf,inference --imagenet_path=/no/such": "there is no such folder",
    "mlcr run-mlperf,inference --model=bert-99 --model=resnet50": "--model stands there twice",
    "mlcr run-mlperf,inference\nmlcr run-mlperf,inference": "there are 2 mlcr commands in it",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_understood_is_refused_by_name(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        parsed(text)
    assert REFUSED[text] in str(caught.value)


NOTED = {
    "mlcr run-mlperf,inference --quiet": "left out: --quiet (it is always added)",
    "mlcr run-mlperf,inference --results_dir=/x": "--results_dir (each run has a fresh folder)",
    "mlcr run-mlperf,inference --rerun": "left out: --rerun (each run measures anew)",
    "mlcr run-mlperf,inference -v": "left out: -v",
    "mlcr run-mlperf,inference | tee x": "left out: tee x (not an mlcr command)",
    "gcloud compute ssh x\nmlcr run-mlperf,inference": "left out: gcloud compute ssh x",
    "sudo mlcr run-mlperf,inference": "left out: sudo",
    "CUDA_VISIBLE_DEVICES=1 mlcr run-mlperf,inference": "CUDA_VISIBLE_DEVICES is handed over as",
    "export PATH=/x:$PATH\nmlcr run-mlperf,inference": "left out: PATH=/x:$PATH (only a shell",
    "mlcr run-mlperf,inference --model bert": "--model bert is taken as --model=bert",
    "mlcr run-mlperf,inference --model=bert": "mlcr has no model 'bert' and would end; taken is "
    "bert-99 (also there: bert-99.9)",
    "mlcr run-mlperf,inference --model=llama3.1-8b": "mlcr calls the model of llama3.1-8b "
    "llama3_1-8b",
    "mlcr run-mlperf,inference --mode=accuracy": "does not keep mlcr from measuring both",
    "mlcr run-mlperf,inference,_performance-only": "no style is named: taken is _full",
    "mlcr run-mlperf,inference > a.log": "left out: > a.log",
}


@pytest.mark.parametrize("text", NOTED)
def test_what_is_left_out_or_taken_otherwise_is_said(text: str) -> None:
    assert NOTED[text] in notes(text)


def test_variables_before_the_command_reach_the_benchmark() -> None:
    request = parsed("A=1 CUDA_VISIBLE_DEVICES=0,1 MLC_REPOS=/x mlcr run-mlperf,inference")
    assert request.settings["env.CUDA_VISIBLE_DEVICES"] == "0,1"
    assert request.settings["env.A"] == "1"
    assert "env.MLC_REPOS" not in request.settings


def test_the_path_of_an_mlcr_names_its_installation(tmp_path: Path) -> None:
    folder = mlcr_repository.make(tmp_path / "official")
    text = f"{folder}/mlc/bin/mlcr run-mlperf,inference --new_key=2"
    request = parsed(text)
    assert request.installation == str(folder)
    assert request.settings["new_key"] == "2"  # of that installation, not of the shipped list
    with pytest.raises(SpecError, match="'new_key' is not a key"):
        parsed(text.replace(f"{folder}/mlc/bin/", ""))


def test_a_command_for_the_embedded_installation_is_measured_by_its_keys() -> None:
    request = parsed("mlcr run-mlperf,inference --model=smoke --delay_us=5")
    assert request.benchmark == "smoke"
    assert request.installation is None
    with pytest.raises(SpecError, match="'num_workers' is not a key"):
        parsed("mlcr run-mlperf,inference --model=smoke --num_workers=5")


def test_nvidias_implementation_brings_its_framework_and_device() -> None:
    choice = chosen(parsed("mlcr run-mlperf,inference --implementation=nvidia"))
    assert choice.values["implementation"] == "nvidia-original"
    assert choice.values["framework"] == "tensorrt"
    assert choice.device == "cuda"


RUNNABLE = [one for one in KNOWN.benchmarks.values() if one.has_mlcr_model and not one.installation]
NUMBERS = st.integers(0, 10**6).map(str)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "implementation": st.sampled_from(TAKES.values("implementation")),
        "framework": st.sampled_from(TAKES.values("framework")),
        "precision": st.sampled_from(TAKES.values("precision")),
        "division": st.sampled_from(TAKES.values("division")),
        "category": st.sampled_from(TAKES.values("category")),
        "execution_mode": st.sampled_from(TAKES.values("execution_mode")),
        "batch_size": NUMBERS,
        "min_query_count": NUMBERS,
        "target_qps": st.floats(0, 10**6).map(repr),
        "hw_name": TEXTS,
        "env.A_B": TEXTS,
        "adr.python.version": TEXTS,
        "docker": st.sampled_from(["yes", "no"]),
        "docker_shm_size": TEXTS,
        "docker_extra_run_args": TEXTS,
    },
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Any choice that can be made in the form."""
    benchmark = draw(st.sampled_from(RUNNABLE))
    others = draw(st.sets(st.sampled_from(["all-scenarios", "compliance"])))
    version = draw(st.sampled_from(["r5.1-dev", "r6.1-dev", "r4.0"]))
    return Request(
        benchmark.name,
        draw(st.sampled_from(benchmark.all_scenarios)).value,
        mode=draw(st.sampled_from(list(catalog.MODES))),
        device=draw(st.sampled_from(benchmark.devices)),
        settings=draw(SETTINGS),
        variations=(draw(st.sampled_from(spec.STYLES)), version, *sorted(others)),
    )


def written(choice: Choice, *, folder: Path = Path("/runs/20260101T000000Z-x")) -> str:
    """As a user sees and copies it, on several lines."""
    words = [
        one.replace(spec.FOLDER, str(folder)).replace(spec.RUN_ID, folder.name)
        for one in spec.words(choice, TAKES)
    ]
    return "$ mlcr " + " \\\n    ".join(map(shlex.quote, words)) + "\n"


@settings(max_examples=400, deadline=None)
@given(requests())
def test_any_choice_becomes_a_command_and_the_command_the_same_choice(request: Request) -> None:
    benchmark, choice = KNOWN.benchmark(request.benchmark), chosen(request)
    try:
        spec.check(choice, benchmark, TAKES)
    except SpecError:
        assume(False)
    again = chosen(parsed(written(choice)))
    spec.check(again, benchmark, TAKES)
    assert sorted(spec.words(again, TAKES)) == sorted(spec.words(choice, TAKES))
    for name in ("model", "scenario", "mode", "style", "version", "others", "device"):
        assert getattr(again, name) == getattr(choice, name)


SHELLY = st.text(
    st.sampled_from(list("mlcr run-mlperf,inference_full=--model'\"\\ \n$;&|#><`\t–é")), max_size=60
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), SHELLY, SHELLY.map("mlcr run-mlperf,inference {}".format)))
@example("mlcr run-mlperf,inference --")
@example("mlcr run-mlperf,inference --=x -- = _ ,")
@example("\\")
def test_any_text_is_a_choice_or_one_sentence(text: str) -> None:
    with suppress(MlperfTuiError):
        assert command.parse(text, KNOWN, NOWHERE).request.benchmark in KNOWN.benchmarks


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mlcr run-mlperf,inference\n  --model=resnet50 \\\n  --device=cuda", "backslash"),
        ("mlcr run-mlperf,inference \\\n\n  --device=cuda", "backslash"),
        ("docker run -it x mlcr run-mlperf,inference", "stands before mlcr"),
        ("ssh host mlcr run-mlperf,inference", "stands before mlcr"),
        ("for i in 1 2 3; do mlcr run-mlperf,inference; done", "stands before mlcr"),
        ("mlcr run-mlperf,inference --hw_name=$HOSTNAME", "only a shell knows"),
        ("mlcr run-mlperf,inference --submitter=`id`", "only a shell knows"),
        ("mlcr run-mlperf,inference -x", "no option '-x'"),
    ],
)
def test_what_would_be_lost_is_refused(text: str, said: str, root: Path) -> None:
    with pytest.raises(SpecError, match=re.escape(said)):
        command.parse(text, catalog.load(), root)


def test_one_dash_is_as_good_as_two_to_mlcr(root: Path) -> None:
    found = command.parse("sudo mlcr run-mlperf,inference -device=cuda -v", catalog.load(), root)
    assert found.request.device == "cuda"
