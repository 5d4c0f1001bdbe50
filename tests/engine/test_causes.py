"""Causes of failures: what programs say of each, and what stands around it."""

from __future__ import annotations

import pytest

from tui.engine.causes import failure_cause, find
from tui.engine.console import ConsoleReader, Evidence
from tui.engine.known_causes import KNOWN

SAID: list[tuple[str, str]] = [
    ("disk-full", "OSError: [Errno 28] No space left on device"),
    ("disk-full", "tar: ILSVRC2012_val_00000001.JPEG: Cannot write: No space left on device"),
    ("disk-full", "fatal: cannot copy 'x' to 'y': Disk quota exceeded"),
    ("gpu-out-of-memory", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20 MiB"),
    (
        "gpu-out-of-memory",
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for requested "
        "buffer of size 822083584",
    ),
    ("gpu-out-of-memory", "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"),
    ("gpu-out-of-memory", "CUDA failure 2: out of memory ; GPU=0 ; hostname=vm ;"),
    ("out-of-memory", "MemoryError"),
    ("out-of-memory", "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 28.7 GiB for"),
    ("out-of-memory", "terminate called after throwing an instance of 'std::bad_alloc'"),
    ("out-of-memory", "c++: fatal error: Killed signal terminated program cc1plus"),
    ("out-of-memory", "OSError: [Errno 12] Cannot allocate memory"),
    ("shared-memory", "RuntimeError: DataLoader worker (pid 7) is killed by signal: Bus error. It"),
    ("gpu-out-of-memory", "[TRT] [E] 2: [x.cpp::y::1] Error Code 2: OutOfMemory (no further)"),
    ("gpu-out-of-memory", "torch.OutOfMemoryError: HIP out of memory. Tried to allocate 2 GiB"),
    ("gpu-out-of-memory", "ValueError: Free memory on device (1.2/79.1 GiB) on startup is "
     "less than desired GPU memory utilization (0.95, 75 GiB)."),
    ("killed", "environment: line 1: 51417 Killed                  ./run.sh"),
    ("killed", "Killed"),
    ("apt-root", "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission "
     "denied)"),
    ("apt-package", "E: Unable to locate package libgl1-mesa"),
    ("apt-interrupted", "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'"),
    ("apt-lists", "E: Failed to fetch http://deb.debian.org/x.deb  404  Not Found [IP: 1.2.3.4]"),
    ("docker-image", "unauthorized: authentication required"),
    ("docker-name", 'docker: Error response from daemon: Conflict. The container name "/mlc-x" is '
     "already in use"),
    ("busy-server", "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url"),
    ("git-login", "fatal: could not read Username for 'https://github.com': No such device"),
    ("archive", "tar: Unexpected EOF in archive"),
    ("compile", 'mathcalls.h(110): error: identifier "_Float32" is undefined'),
    ("no-driver", "nvidia-container-cli: initialization error: nvml error: driver not loaded"),
    ("too-many-files", "OSError: [Errno 24] Too many open files: '/x.npy'"),
    ("too-many-processes", "bash: fork: retry: Resource temporarily unavailable"),
    ("too-many-processes", "RuntimeError: can't start new thread"),
    ("read-only", "OSError: [Errno 30] Read-only file system: '/mnt/data/x'"),
    ("gpu-lost", "RuntimeError: CUDA error: unspecified launch failure"),
    ("gpu-lost", "Unable to determine the device handle for GPU0000:00:06.0: GPU is lost."),
    ("driver-mismatch", "Failed to initialize NVML: Driver/library version mismatch"),
    ("no-driver", "Error: problem obtaining number of CUDA devices: 35"),
    ("no-driver", "ImportError: libcuda.so.1: cannot open shared object file: No such file"),
    ("no-driver", "RuntimeError: Found no NVIDIA driver on your system."),
    ("no-driver", "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."),
    ("no-gpu", "Error: problem obtaining number of CUDA devices: 100"),
    ("no-gpu", "RuntimeError: No CUDA GPUs are available"),
    ("cuda-devices", "Error: problem obtaining number of CUDA devices: 304"),
    ("gpu-too-new", "RuntimeError: CUDA error: no kernel image is available for execution on the"),
    ("gpu-too-new", "nvcc fatal   : Unsupported gpu architecture 'compute_120'"),
    ("gpu-error", "RuntimeError: CUDA error: an illegal memory access was encountered"),
    ("gpu-error", "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    ("cuda-library", "ImportError: libcudnn.so.9: cannot open shared object file: No such file"),
    ("cuda-library", "OSError: libcublasLt.so.12: cannot open shared object file: No such file"),
    ("cuda-library", "ImportError: libnvinfer.so.10: cannot open shared object file"),
    (
        "cuda-toolkit",
        "Downloading from https://developer.download.nvidia.com/compute/cuda/12.4.1/local_"
        "installers/cuda_12.4.1_550.54.15_linux.run",
    ),
    ("cuda-toolkit", "./run.sh: line 5: nvcc: command not found"),
    ("library-missing", "ImportError: libgthread-2.0.so.0: cannot open shared object file: No"),
    ("library-missing", "ImportError: libGL.so.1: cannot open shared object file: No such file"),
    ("header-missing", "/x/pybind11.h:1:10: fatal error: Python.h: No such file or directory"),
    ("header-missing", "numa_utils.h:3:10: fatal error: numa.h: No such file or directory"),
    ("ensurepip", "The virtual environment was not created successfully because ensurepip is not "
     "available."),
    ("compiler-download", "Downloading from https://github.com/llvm/llvm-project/releases/download/"
     "llvmorg-15.0.6/clang+llvm.tar.xz ..."),
    ("cmake-missing", "HTTPSConnectionPool(host='github.com', port=443): Max retries exceeded with "
     "url: /Kitware/CMake/releases/download/v3.28.3/cmake.sh"),
    ("command-missing", "/bin/sh: 1: ld: not found"),
    ("command-missing", "./run.sh: line 12: wget: command not found"),
    ("command-missing", "bash: cmake: command not found"),
    ("command-missing", "[Errno 2] No such file or directory: 'git'"),
    ("command-missing", "FileNotFoundError: [Errno 2] No such file or directory: 'git'"),
    ("command-missing", "Error : gcc not found"),
    ("command-missing", "make: g++: No such file or directory"),
    ("command-missing", "error: command 'gcc' failed: No such file or directory"),
    ("python-changed", "bash: /x/mlc/bin/python3: cannot execute: required file not found"),
    ("python-changed", "-bash: /x/mlc/bin/mlcr: /x/mlc/bin/python: bad interpreter: No such file"),
    ("numpy-binary", "ValueError: numpy.dtype size changed, may indicate binary incompatibility."),
    ("glibc", "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /x)"),
    ("module-missing", "ModuleNotFoundError: No module named 'torch'"),
    ("pip-none-found", "ERROR: No matching distribution found for onnxruntime-gpu==1.99 (from x)"),
    ("pip-managed", "error: externally-managed-environment"),
    ("pip-build", "ERROR: Failed building wheel for pycocotools"),
    ("compile", "loadgen.cc:138:46: error: 'foo' was not declared in this scope"),
    ("cmake-error", "CMake Error at CMakeLists.txt:3 (project):"),
    ("apt-lock", "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812"),
    ("sudo", "sudo: a terminal is required to read the password; either use the -S option"),
    ("docker-permission", "permission denied while trying to connect to the Docker daemon socket"),
    ("docker-daemon", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."),
    ("docker-gpu", 'docker: Error response from daemon: could not select device driver "" with '
     "capabilities: [[gpu]]."),
    ("docker-terminal", "the input device is not a TTY"),
    ("docker-image", "Error response from daemon: pull access denied for mlcommons/x, repository"),
    ("licence", "huggingface_hub.errors.GatedRepoError: 401 Client Error. (Request ID: Root=1-6)"),
    ("licence", "Access to model meta-llama/Llama-2-70b-chat-hf is restricted."),
    ("licence", "HTTP request sent, awaiting response... 403 Forbidden / ERROR 403: Forbidden."),
    ("not-found", "urllib.error.HTTPError: HTTP Error 404: Not Found"),
    ("certificate", "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate"),
    ("proxy", "requests.exceptions.ProxyError: HTTPSConnectionPool(host='x', port=443)"),
    ("git-damaged", "fatal: git upload-pack: aborting due to possible repository corruption on"),
    ("git-broken-off", "fatal: early EOF"),
    ("git-branch", "fatal: Remote branch v9 not found in upstream origin"),
    ("git-owner", "fatal: detected dubious ownership in repository at '/mnt/data/mirror.git'"),
    ("network", "fatal: unable to access 'https://github.com/mlcommons/inference/': Could not "
     "resolve host: github.com"),
    ("network", "pip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out."),
    ("network", "wget: unable to resolve host address ‘zenodo.org’"),
    ("network", "Temporary failure resolving 'deb.debian.org'"),
    ("network", "curl: (7) Failed to connect to x port 443: Connection refused"),
    ("no-automations", "No script content repo registered. Automatically pulling ..."),
    ("path-missing", "Error : Path /nonexistent doesn't exist"),
    ("path-missing", "Error : Local file /x.tar.gz doesn't exist"),
    ("dataset-incomplete", "Error : Only 501 files found in /data/imagenet. 50000 expected"),
    ("dataset-incomplete", "reduced image list, 31401 images not found"),
    ("model-missing", "onnxruntime.capi.onnxruntime_pybind11_state.NoSuchFile: [ONNXRuntimeError] "
     ": 3 : NO_SUCHFILE : Load model from /x.onnx failed:Load model /x.onnx failed. File doesn't"),
    ("model-damaged", "[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Load model from /x.onnx failed:"
     "Protobuf parsing failed."),
    ("checksum", "md5sum: WARNING: 1 computed checksum did NOT match"),
    ("file-missing", "FileNotFoundError: [Errno 2] No such file or directory: '/data/val_map.txt'"),
    ("permission", "PermissionError: [Errno 13] Permission denied: '/mnt/data/x'"),
    ("permission", "mkdir: cannot create directory ‘/mnt/data’: Permission denied"),
    ("combination", "Error : Combination ['reference','retinanet','tf'] is explicitly invalid: "
     "[['retinanet','tf']]"),
    ("variations", "variation tags ['resnet51'] are not matching for the found script "
     "app-mlperf-inference with variations dict_keys(['resnet50', 'bert-99'])"),
    ("two-variations", 'Multiple variation tags selected for the variation group "run-mode": '
     "{'short', 'full'}"),
    ("no-script", "Error : no scripts were found with tags: ['run-mlperff', 'inference']"),
    ("not-ascii", "Error : Non-ASCII characters detected in command line arguments"),
    ("question", "Error : EOFError: EOF when reading a line"),
    ("question", "EOFError: EOF when reading a line"),
    ("choice-missing", "Error : Please select a variation specifying the model to run"),
    ("segfault", "./run_local.sh: line 30:  1565 Segmentation fault      python3 python/main.py"),
    ("illegal-instruction", "./run.sh: line 4: 812 Illegal instruction     (core dumped) python3"),
    ("aborted", "terminate called after throwing an instance of 'std::runtime_error'"),
    ("aborted", "python3: loadgen.cc:88: void f(): Assertion `n > 0' failed."),
]  # fmt: skip
BLOCK = (
    "[2026-11-24 14:38:35,214 main.py : 124 ERROR] - Error during 'script' action: Script run "
    "execution failed in /x/module.py.\n"
    "Error : Native run script failed inside MLC script (name = benchmark-program, return code = "
    "{code})\n\n\n"
    "[2026-11-24 14:38:35,221 main.py : 169 ERROR] - Failed script: benchmark-program\n"
    "[2026-11-24 14:38:35,221 main.py : 179 ERROR] - Likely cause: Likely network or download "
    "failure while running the script\n"
    "[2026-11-24 14:38:35,221 main.py : 192 ERROR] - Please file an issue at https://github.com/"
)
BEFORE = (
    "[2026-11-24 14:38:33,000 x.py : 1 INFO ] - * mlcr run-mlperf,inference\n"
    "[2026-11-24 14:38:33,000 x.py : 1 INFO ] -   * mlcr get,something\n"
)


def told(*lines: str, code: int = 256) -> ConsoleReader:
    reader = ConsoleReader()
    list(reader.feed((BEFORE + "\n".join(lines) + "\n" + BLOCK.format(code=code)).encode()))
    list(reader.end())
    return reader


def cause_of(*lines: str, code: int = 256, command: str = ""):  # type: ignore[no-untyped-def]
    reader = told(*lines, code=code)
    return failure_cause(reader.findings, reader.evidence(), {"exit_code": 1}, command)


@pytest.mark.parametrize(("code", "line"), SAID)
def test_each_cause_is_known_by_its_line(code: str, line: str) -> None:
    found = cause_of("INFO:main:loading", line, "some more words")
    assert found.code == code
    assert found.line == 4
    assert found.fix
    assert "{0}" not in found.text + found.fix
    assert "something" not in found.text or code in ("permission", "network")


def test_every_known_cause_has_a_line_here() -> None:
    assert {one.code for one in KNOWN} == {code for code, _ in SAID}


@pytest.mark.parametrize(
    ("lines", "package"),
    [
        (["/bin/sh: 1: ld: not found"], "binutils"),
        (["ImportError: libgthread-2.0.so.0: cannot open shared object file: No"], "libglib2.0-0"),
        (["x.h:1:10: fatal error: Python.h: No such file or directory"], "python3-dev"),
        (["Error : gcc not found"], "build-essential"),
    ],
)
def test_the_package_that_is_missing_is_named(lines: list[str], package: str) -> None:
    assert cause_of(*lines).fix == f"sudo apt-get install -y {package}"


def test_out_of_memory_is_rerun_with_half_the_batch_or_one() -> None:
    said = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB"
    assert cause_of(said).rerun_with == ("--max_batchsize=1",)
    halved = cause_of("CMD: ./run_local.sh --max-batchsize 64 --threads 2", said)
    assert halved.rerun_with == ("--max_batchsize=32",)
    assert cause_of(said, command="mlcr x --max_batchsize=8").rerun_with == ("--max_batchsize=4",)
    assert cause_of(said, command="mlcr x --max_batchsize=1").rerun_with is None
    assert cause_of(said, command="mlcr x --quiet --docker").rerun_with == ("--batch_size=1",)


def test_an_error_that_was_got_over_is_no_cause() -> None:
    found = cause_of(
        "Download from https://armi.in/x failed, trying from https://zenodo.org/x",
        "wget: unable to resolve host address 'armi.in'",
        "[2026-11-24 14:38:34,000 x.py : 1 INFO ] -     - cache UID: 0123456789abcdef",
        "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
    )
    assert found.code == "library-missing"


def test_what_other_errors_follow_from_comes_first() -> None:
    found = cause_of(
        "OSError: [Errno 28] No space left on device",
        "During handling of the above exception, another exception occurred:",
        "FileNotFoundError: [Errno 2] No such file or directory: '/data/x.npy'",
    )
    assert (found.code, found.line) == ("disk-full", 3)


@pytest.mark.parametrize(
    ("status", "code"), [(35072, "killed"), (9, "killed"), (36608, "killed"), (2, "interrupted")]
)
def test_a_wait_status_tells_where_no_line_does(status: int, code: str) -> None:
    assert cause_of("INFO:main:starting TestScenario.Offline", code=status).code == code


def test_an_unknown_failure_is_a_guess_and_says_so() -> None:
    found = cause_of(
        "Traceback (most recent call last):",
        '  File "main.py", line 1, in <module>',
        "strange.OddError: the flux is out of phase",
        "cleaning up",
    )
    assert found.code == "unknown"
    assert found.text.startswith("a guess: ")
    assert "no cause that is known" in found.fix
    assert "the flux is out of phase" in found.text
    assert found.line == 5


def test_without_any_sign_mlcrs_own_word_is_given() -> None:
    found = cause_of("all is well", code=768)
    assert found.code == "mlcr-error"
    assert "exit 3" in found.text
    assert "Likely cause" not in found.text


def test_older_releases_raise_in_place_of_a_block() -> None:
    reader = ConsoleReader()
    text = BEFORE + (
        "ERROR: No matching distribution found for numpy==99\n"
        "Traceback (most recent call last):\n"
        '  File "/x/bin/mlcr", line 8, in <module>\n'
        "mlc.script_action.ScriptExecutionError: Script run execution failed. Error : MLC script "
        "failed (name = get-generic-python-lib, return code = 256)\n"
    )
    list(reader.feed(text.encode()))
    found = failure_cause(reader.findings, reader.evidence(), {"exit_code": 1})
    assert (found.code, found.line) == ("pip-none-found", 3)


@pytest.mark.timeout(60)  # a pattern that takes all of the line takes minutes
@pytest.mark.parametrize(
    "sign", ["No space left on device", " Permission denied", ": error: ", "CMake Error at "]
)
def test_a_sign_on_a_line_of_many_kilobytes_does_not_hold_up_the_search(sign: str) -> None:
    text = ("a" * 60_000 + sign + "\n") * 10 + ("a.b/c" * 1000 + sign + "\n") * 200
    assert find(Evidence(text.encode(), 1, b"", 0)) is not None or sign in (": error: ",)


@pytest.mark.parametrize(
    ("status", "code"),
    [(35584, "segfault"), (11, "segfault"), (34304, "aborted"), (33792, "illegal-instruction")],
)
def test_a_signal_without_a_line_is_a_cause(status: int, code: str) -> None:
    found = cause_of("INFO:main:starting TestScenario.Offline", code=status)
    assert found.code == code
    assert found.fix


@pytest.mark.parametrize(
    "line",
    [
        "[TRT] [W] Requested amount of GPU memory (1 bytes) could not be allocated.",
        "Download from https://a.example/x failed, trying from https://b.example/x: HTTP Error 403",
        "/x.py:1: UserWarning: CUDA error: something that is got over",
    ],
)
def test_a_mere_warning_is_no_cause(line: str) -> None:
    found = cause_of(line, "strange.OddError: the flux is out of phase")
    assert found.code == "unknown"
    assert "out of phase" in found.text


def test_what_is_long_past_is_no_cause_unless_it_stops_a_run() -> None:
    rest = [f"line {n} of many" for n in range(200)]
    failed = "strange.OddError: the flux is out of phase"
    assert cause_of("HTTP Error 403: Forbidden", *rest, failed).code == "unknown"
    memory = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20 MiB"
    found = cause_of(memory, *rest, failed)
    assert (found.code, found.line) == ("gpu-out-of-memory", 3)


@pytest.mark.parametrize(
    ("module", "package"), [("cv2", "opencv-python-headless"), ("yaml.nodes", "pyyaml")]
)
def test_a_module_is_installed_under_its_packages_name(module: str, package: str) -> None:
    command = "/mnt/data/mlperf-official/mlc/bin/mlcr run-mlperf,inference"
    found = cause_of(f"ModuleNotFoundError: No module named '{module}'", command=command)
    assert found.fix == f"/mnt/data/mlperf-official/mlc/bin/python -m pip install {package}"
    own = cause_of("ModuleNotFoundError: No module named 'accuracy_utils'", command=command)
    assert "pip" not in own.fix


def test_a_file_that_is_missing_is_no_command() -> None:
    said = "FileNotFoundError: [Errno 2] No such file or directory: 'mlperf_log_accuracy.json'"
    assert cause_of(said).code == "file-missing"


def test_the_step_of_an_image_that_failed_is_named() -> None:
    found = cause_of(
        "#15 [ 5/10] RUN apt-get install -y libfoo",
        "#15 12.31 E: Unable to locate package libfoo",
        '#15 ERROR: process "/bin/sh -c apt-get" did not complete successfully: exit code: 100',
        "ERROR: failed to solve: process did not complete successfully: exit code: 100",
    )
    assert (found.code, found.line) == ("apt-package", 4)


def test_the_last_words_are_shown_where_nothing_looks_like_an_error() -> None:
    reader = ConsoleReader()
    list(reader.feed(b"usage: mlc [-h]\nmlc: argument action: invalid choice\n"))
    found = failure_cause(reader.findings, reader.evidence(), {"exit_code": 2})
    assert "invalid choice" in found.text
    assert found.line == 2


@pytest.mark.parametrize(
    "text",
    [
        b"[20" + b"\xff" * 17 + b",1 x] - * mlcr foo\n",
        b"Error : x return code = " + b"9" * 5000 + b"\n",
        b'Script done on x COMMAND_EXIT_CODE="' + b"9" * 5000 + b'"\n',
        b"--max-batchsize " + b"9" * 5000 + b"\nCUDA out of memory\n",
        b"#1 [1/" + b"5" * 5000 + b"] x\n",
    ],
)
def test_numbers_without_end_and_bytes_of_no_text_do_no_harm(text: bytes) -> None:
    reader = ConsoleReader()
    list(reader.feed(text))
    list(reader.end())
    assert reader.activity is None or reader.activity.what
    assert failure_cause(reader.findings, reader.evidence()).text
