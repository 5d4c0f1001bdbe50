"""The causes of failures that are known: what is said of each, what it means, what to do.

Wording: mlcflow 1.3.8, mlperf-automations of July 2026, and what pip, git, docker, apt, CUDA, ONNX
Runtime, PyTorch, TensorRT, the compiler and the kernel say. `causes` finds them in a log.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """A cause that can be told by a line of the log."""

    code: str
    signs: tuple[str, ...]
    """One of these stands in the line."""
    text: str
    """{0}, {1} …: the groups of `pattern`."""
    fix: str | None = None
    pattern: str = ""
    """What the line must be like besides."""
    rerun: tuple[str, ...] = ()
    """What to add to the command."""
    is_strong: bool = False
    """Other errors follow from it: it is the cause, whatever else there is."""
    words: str = ""
    """Like `pattern`, where the line may lack it: then {0} is a plain word."""
    reach: int = 600
    """So many characters from the sign on are looked at; bounded, because lines may be endless."""


EXPORTS = (
    "export CUDA_HOME=/usr/local/cuda PATH=/usr/local/cuda/bin:$PATH "
    "LD_LIBRARY_PATH=/usr/local/cuda/lib64:$LD_LIBRARY_PATH"
)
KNOWN: tuple[Known, ...] = (
    # --- the machine ------------------------------------------------------------------------
    Known(
        "disk-full",
        ("No space left on device", "[Errno 28]", "Disk quota exceeded", "[Errno 122]"),
        "the disk is full",
        "make room (mlperf-tui doctor names the biggest folders), then run it again",
        is_strong=True,
    ),
    Known(
        "gpu-out-of-memory",
        (
            "CUDA out of memory",
            "CUDA failure 2: out of memory",
            "OutOfMemoryError: CUDA",
            "Failed to allocate memory for requested buffer of size",
            "CUBLAS_STATUS_ALLOC_FAILED",
            "CUDNN_STATUS_ALLOC_FAILED",
            "cudaErrorMemoryAllocation",
            "CUDA_ERROR_OUT_OF_MEMORY",
            "No available memory for the cache blocks",
            "Requested amount of GPU memory",
            "Error Code 2: OutOfMemory",
            "Cuda Error in allocate: 2",
            "HIP out of memory",
            "OutOfMemoryError: HIP",
            "less than desired GPU memory utilization",
            "larger than the available KV cache memory",
            "larger than the maximum number of tokens that can be stored in KV cache",
            "OOM when allocating",
        ),
        "the GPU's memory is too small for this, or another process holds some of it",
        "see who holds GPU memory: mlperf-tui gpu",
        is_strong=True,
    ),
    Known(
        "out-of-memory",
        (
            "MemoryError",
            "std::bad_alloc",
            "Cannot allocate memory",
            "can't allocate memory",
            "Unable to allocate",
            "Killed signal",
            "signal 9 (Kill signal)",
            "virtual memory exhausted",
        ),
        "the machine has too little memory for this",
        "close other programs",
        pattern=r"(?:\bMemoryError\b|bad_alloc|allocate memory|allocate [\d.]+ [KMGT]iB"
        r"|Kill(?:ed)? signal|exhausted)",
        is_strong=True,
    ),
    Known(
        "shared-memory",
        ("Bus error", "insufficient shared memory", "shared memory object"),
        "shared memory (/dev/shm) is too small",
        "enlarge it: sudo mount -o remount,size=16G /dev/shm (of a container: --shm-size=16g)",
        is_strong=True,
    ),
    Known(
        "killed",
        ("Killed",),
        "a process of it was killed, most likely for lack of memory",
        "close other programs",
        pattern=r"(?:\b\d+ Killed\b|^\s*Killed\s*$)",
        is_strong=True,
    ),
    Known(
        "too-many-files",
        ("Too many open files", "[Errno 24]"),
        "more files are open than the limit allows",
        "raise the limit in the shell that starts mlperf-tui: ulimit -n 65536",
    ),
    Known(
        "too-many-processes",
        (
            "Resource temporarily unavailable",
            "can't start new thread",
            "pthread_create failed",
            "Thread creation failed",
        ),
        "no more processes or threads can be started",
        "raise the limit (ulimit -u), or that of the container or user slice",
        pattern=r"(?:fork|thread|Thread)",
    ),
    Known(
        "read-only",
        ("Read-only file system", "[Errno 30]"),
        "a folder that has to be written is on a read-only file system",
        "choose another folder for the installation or the data",
    ),
    # --- GPU and driver ---------------------------------------------------------------------
    Known(
        "gpu-lost",
        (
            "GPU is lost",
            "has fallen off the bus",
            "unspecified launch failure",
            "uncorrectable ECC error",
            "CUDA_ERROR_ECC_UNCORRECTABLE",
        ),
        "the GPU failed while it worked",
        "see the kernel's log (sudo dmesg | grep -i xid), reset or reboot, then mlperf-tui probe",
        is_strong=True,
    ),
    Known(
        "driver-mismatch",
        ("Driver/library version mismatch", "API mismatch: the client has"),
        "the NVIDIA driver was updated, and the old one is still loaded",
        "reboot the machine",
        is_strong=True,
    ),
    Known(
        "no-driver",
        (
            "number of CUDA devices: ",
            "cudaErrorInsufficientDriver",
            "CUDA driver version is insufficient",
            "libcuda.so.1: cannot open",
            "libnvidia-ml.so.1: cannot open",
            "Found no NVIDIA driver",
            "NVIDIA-SMI has failed",
            "driver not loaded",
            "nvidia-smi: command not found",
            "nvidia-smi: not found",
        ),
        "CUDA finds no NVIDIA driver, or one too old for the toolkit",
        "install or update the driver (mlperf-tui doctor says what is there), or run with "
        "--device=cpu",
        pattern=r"(?:^(?!.*number of CUDA devices: )|CUDA devices: (?:35|3|999)\b)",
        is_strong=True,
    ),
    Known(
        "no-gpu",
        (
            "number of CUDA devices: ",
            "no CUDA-capable device is detected",
            "No CUDA GPUs are available",
            "CUDA_ERROR_NO_DEVICE",
            "No devices were found",
        ),
        "CUDA sees no GPU",
        "check CUDA_VISIBLE_DEVICES and mlperf-tui gpu; in a container it must be passed in "
        "(--gpus=all)",
        pattern=r"(?:^(?!.*number of CUDA devices: )|CUDA devices: (?:100|38)\b)",
        is_strong=True,
    ),
    Known(
        "cuda-devices",
        ("number of CUDA devices: ",),
        "CUDA cannot count the GPUs (error {0})",
        "mlperf-tui doctor, then mlperf-tui probe, say what is wrong with GPU and driver",
        words=r"devices: (\d+)",
        is_strong=True,
    ),
    Known(
        "gpu-too-new",
        (
            "no kernel image is available for execution",
            "is not compatible with the current PyTorch",
            "Unsupported SM",
            "Unsupported gpu architecture",
        ),
        "this build has no code for this GPU's generation",
        "install a framework (or CUDA toolkit) that knows this GPU",
        is_strong=True,
    ),
    Known(
        "gpu-error",
        (
            "CUDA error",
            "CUDA failure ",
            "cuDNN error",
            "NCCL error",
            "CUBLAS_STATUS_",
            "CUDNN_STATUS_",
        ),
        "the GPU's software failed: {0}",
        "mlperf-tui probe shows whether the GPU itself is healthy",
        words=r"((?:CUDA|cuDNN|NCCL|CUBLAS_|CUDNN_).*)",
    ),
    Known(
        "cuda-library",
        ("cannot open shared object file",),
        "the CUDA library {0} is not found",
        f"set CUDA's variables: {EXPORTS}; or install the package that holds it",
        pattern=r"(lib(?:cudart|cublas|cublasLt|cudnn|cufft|curand|cusparse|cusolver|nvrtc|nvinfer"
        r"|nccl|nvJitLink|cupti|nvToolsExt)\w*\.so[.\d]*): cannot open",
        is_strong=True,
    ),
    Known(
        "cuda-toolkit",
        (
            "developer.download.nvidia.com/compute/cuda",
            "nvcc: command not found",
            "nvcc: not found",
            "CUDA_HOME environment variable is not set",
        ),
        "mlcr found no CUDA toolkit (nvcc) and tried to install one",
        f"set CUDA's variables: {EXPORTS}",
        is_strong=True,
    ),
    # --- what has to be installed -----------------------------------------------------------
    Known(
        "library-missing",
        ("cannot open shared object file",),
        "the library {0} is not installed",
        pattern=r"([\w.+-]+\.so[.\d]*): cannot open",
        is_strong=True,
    ),
    Known(
        "header-missing",
        (": No such file or directory",),
        "the header {0} is not installed",
        pattern=r"fatal error: ([\w./+-]+\.h(?:pp)?): No such",
        is_strong=True,
    ),
    Known(
        "header-missing",
        ("Python.h: No such file",),
        "the header {0} is not installed",
        pattern=r"(Python\.h): No such",
        is_strong=True,
    ),
    Known(
        "ensurepip",
        ("ensurepip is not available",),
        "Python's venv package is not installed",
        "sudo apt-get install -y python3-venv",
        is_strong=True,
    ),
    Known(
        "compiler-download",
        ("llvm/llvm-project/releases",),
        "mlcr chose a compiler that it has to download (LLVM), because none was named",
        "name the one that is here: --adr.compiler.tags=gcc",
        rerun=("--adr.compiler.tags=gcc",),
        is_strong=True,
    ),
    Known(
        "cmake-missing",
        ("Kitware/CMake/releases",),
        "cmake is not installed, and mlcr tried to download it",
        "sudo apt-get install -y cmake",
        is_strong=True,
    ),
    Known(
        "command-missing",
        (": not found", "command not found"),
        "the command {0} is not installed",
        pattern=r"(?:^|[:/ ])(?:sh|bash|env|xargs|nohup|[\w-]+\.sh)(?:: line \d+|: \d+)?: "
        r"['‘]?([\w.+-]+)['’]?: (?:command )?not found",
        is_strong=True,
    ),
    Known(
        "command-missing",
        ("No such file or directory", " not found"),
        "the command {0} is not installed",
        pattern=r"(?:No such file or directory: '([\w+-]+)'\s*$"
        r"|^(?:Error : |make(?:\[\d+\])?: )([\w.+-]+)(?: not found|: No such file)"
        r"|error: command '([\w.+-]+)' failed: No such)",
        is_strong=True,
    ),
    Known(
        "python-changed",
        ("cannot execute: required file not found", "bad interpreter: "),
        "the Python that the installation's venv was made of is gone",
        "mlperf-tui setup makes the venv anew",
        is_strong=True,
    ),
    Known(
        "numpy-binary",
        (
            "numpy.dtype size changed",
            "compiled using NumPy 1.x cannot be run",
            "numpy.core.multiarray failed to import",
        ),
        "a Python package was built for another NumPy than the one that mlcr installed",
        "reinstall the package in the installation's venv, or make a fresh one: mlperf-tui setup",
    ),
    Known(
        "glibc",
        ("version `GLIBC",),
        "a program was built for a newer system: {0} is missing",
        "use a newer system, or a package that was built for this one",
        pattern=r"version `(GLIBC\w*_[\d.]+)' not found",
    ),
    Known(
        "module-missing",
        ("ModuleNotFoundError: No module named '",),
        "the Python module {0} is not installed in the installation's venv",
        "install it there, unless it is a file of the benchmark's own",
        pattern=r"No module named '([\w.]+)'",
    ),
    Known(
        "pip-none-found",
        ("No matching distribution found for ",),
        "pip finds no package {0} for this Python and machine",
        "check the network and the index that pip is set to, and the version of Python",
        pattern=r"found for ([^\s(]+)",
    ),
    Known(
        "pip-managed",
        ("externally-managed-environment",),
        "pip was asked to change the system's own Python",
        "run mlcr from a venv: mlperf-tui setup makes one",
    ),
    Known(
        "pip-build",
        ("Failed building wheel for ", "Failed to build ", "Could not build wheels for "),
        "pip could not build the package {0}",
        "the compiler's message stands above that line; often python3-dev or a library is missing",
        pattern=r"(?:wheels? for|to build) ([^\s,]+)",
    ),
    Known(
        "compile",
        (": error: ", ": fatal error: ", "): error: "),
        "the compiler failed: {0}",
        "the lines around it say more",
        pattern=r"([^\s:()]{1,200}\.(?:c|cc|cpp|cxx|cu|cuh|h|hpp)(?::\d+(?::\d+)?|\(\d+\)): "
        r"(?:fatal )?error: .*)",
    ),
    Known(
        "cmake-error",
        ("CMake Error",),
        "CMake failed{0}; it says why below that line",
        "read the lines below it",
        pattern=r"CMake Error( at [^\s:]{1,200}(?::\d+)?|)",
    ),
    Known(
        "apt-root",
        ("Could not open lock file /var/lib/", "are you root?"),
        "packages can be installed by root only",
        "install what it wanted by hand with sudo, or run mlperf-tui as a user who may",
        is_strong=True,
    ),
    Known(
        "apt-package",
        ("E: Unable to locate package ", "E: Package '", "has no installation candidate"),
        "apt knows no package {0}",
        "sudo apt-get update, then run it again",
        words=r"(?:package |Package ')([\w.+-]+)",
        is_strong=True,
    ),
    Known(
        "apt-interrupted",
        ("dpkg was interrupted",),
        "an earlier installation of packages was broken off",
        "sudo dpkg --configure -a, then run it again",
        is_strong=True,
    ),
    Known(
        "apt-lists",
        ("E: Failed to fetch ", "E: Unable to fetch some archives"),
        "apt could not fetch a package: its lists are old, or the network is missing",
        "sudo apt-get update, then run it again",
    ),
    Known(
        "apt-lock",
        ("Could not get lock /var/lib/",),
        "another program is installing packages",
        "wait until it has finished (ps aux | grep -i apt), then run it again",
        is_strong=True,
    ),
    Known(
        "sudo",
        (
            "sudo: a terminal is required",
            "sudo: a password is required",
            "sudo: no tty present",
            "is not in the sudoers file",
            "sudo: command not found",
            "sudo: not found",
        ),
        "a script asked for root's rights and did not get them",
        "install what it wanted by hand, and tell mlcr to do without: --env.MLC_SKIP_SUDO=yes",
        rerun=("--env.MLC_SKIP_SUDO=yes",),
        is_strong=True,
    ),
    # --- containers -------------------------------------------------------------------------
    Known(
        "docker-permission",
        ("permission denied while trying to connect to the ",),
        "this user may not use docker",
        "sudo usermod -aG docker $USER, then log in again",
        pattern=r"[Dd]ocker",
        is_strong=True,
    ),
    Known(
        "docker-daemon",
        ("Cannot connect to the Docker daemon", "failed to connect to the docker API"),
        "docker does not run",
        "sudo systemctl start docker",
        is_strong=True,
    ),
    Known(
        "docker-gpu",
        (
            "could not select device driver",
            "nvidia-container-cli",
            "unknown or invalid runtime name: nvidia",
            "failed to discover GPU vendor",
        ),
        "docker cannot give a container the GPU",
        "install the NVIDIA Container Toolkit, then: sudo nvidia-ctk runtime configure "
        "--runtime=docker && sudo systemctl restart docker",
        is_strong=True,
    ),
    Known(
        "docker-terminal",
        ("the input device is not a TTY", "cannot attach stdin to a TTY-enabled container"),
        "docker wanted a terminal, and there was none",
        "a run of this app never asks docker for one; of your own command, leave out --docker_it",
        is_strong=True,
    ),
    Known(
        "docker-image",
        (
            "pull access denied for ",
            "manifest unknown",
            "toomanyrequests: ",
            "unauthorized: authentication required",
        ),
        "the container image could not be pulled",
        "check its name, and docker login (for NVIDIA's: docker login nvcr.io)",
        is_strong=True,
    ),
    Known(
        "docker-name",
        ("Conflict. The container name",),
        "a container of that name is there already: {0}",
        "docker rm -f {0}, then run it again",
        words=r"container name \"/?([^\"]+)",
        is_strong=True,
    ),
    # --- the network ------------------------------------------------------------------------
    Known(
        "licence",
        (
            "GatedRepoError",
            "Cannot access gated repo",
            "Access to model ",
            "You must be authenticated",
            "You must have access",
            "awaiting a review from the repo",
            "huggingface-cli login",
            "hf auth login",
            "Invalid username or password",
            "401 Client Error",
            "403 Client Error",
            "ERROR 401",
            "ERROR 403",
            "HTTP Error 401",
            "HTTP Error 403",
            "returned error: 401",
            "returned error: 403",
            "AccessDenied",
            "Authentication failed for '",
            "didn't find section in config file",
            "error listing: directory not found",
        ),
        "the model or dataset is given only to those who have accepted its licence",
        "accept the licence on its page, then set a token: export HF_TOKEN=… (for MLCommons' own "
        "files: the account that the download asks for)",
        pattern=r"^(?!.*github)",
        is_strong=True,
    ),
    Known(
        "busy-server",
        (
            "429 Client Error",
            "429 Too Many Requests",
            "503 Server Error",
            "503 Service Unavailable",
            "API rate limit exceeded",
            "rate limit exceeded",
        ),
        "a server is overloaded, or wants you to ask less often",
        "wait some minutes, then run it again: what was loaded already is kept",
    ),
    Known(
        "git-login",
        ("could not read Username for '",),
        "git was asked to log in at {0}: the repository is not public, or not there",
        "check its address, or give git a token",
        words=r"Username for '([^']+)'",
        is_strong=True,
    ),
    Known(
        "archive",
        ("tar: Unexpected EOF", "gzip: stdin: unexpected end of file", "End-of-central-directory "),
        "an archive is damaged, most likely by a download that broke off",
        "remove it from mlcr's cache and run it again",
        is_strong=True,
    ),
    Known(
        "not-found",
        (
            "404 Client Error",
            "ERROR 404",
            "HTTP Error 404",
            "404: Not Found",
            "returned error: 404",
        ),
        "a file that mlcr downloads is not there any more",
        "update the automations: mlperf-tui setup, or give the file's path yourself",
    ),
    Known(
        "certificate",
        (
            "CERTIFICATE_VERIFY_FAILED",
            "SSLCertVerificationError",
            "certificate verify failed",
            "unable to get local issuer certificate",
            "server certificate verification failed",
        ),
        "a server's certificate is not trusted: is there a proxy that reads along?",
        "make its certificate known: SSL_CERT_FILE, REQUESTS_CA_BUNDLE, PIP_CERT, GIT_SSL_CAINFO",
        is_strong=True,
    ),
    Known(
        "proxy",
        (
            "ProxyError",
            "Proxy Authentication Required",
            "Cannot connect to proxy",
            "CONNECT tunnel failed",
        ),
        "the proxy did not let a download through",
        "check http_proxy, https_proxy and no_proxy",
        is_strong=True,
    ),
    Known(
        "git-damaged",
        ("possible repository corruption",),
        "git could not fetch a repository: what lies at the other end is not whole",
        "where that is a mirror of your own, make it anew; else run it again later",
        is_strong=True,
    ),
    Known(
        "git-broken-off",
        ("early EOF", "RPC failed", "invalid index-pack output", "fatal: bad object"),
        "git could not fetch a repository whole: the connection broke off",
        "run it again",
    ),
    Known(
        "git-branch",
        ("fatal: Remote branch ", "error: pathspec '"),
        "git knows no branch or version {0} there",
        "check the version that was asked for",
        pattern=r"(?:branch (\S+) not found|pathspec '([^']+)' did not match)",
    ),
    Known(
        "git-owner",
        ("detected dubious ownership in repository at",),
        "git refuses a repository of another user: {0}",
        "git config --global --add safe.directory {0}",
        words=r"repository at '?([^'\s]+)",
        is_strong=True,
    ),
    Known(
        "network",
        (
            "Failed to resolve '",
            "Could not resolve host: ",
            "Could not resolve proxy: ",
            "unable to resolve host address",
            "Max retries exceeded with url",
            "Temporary failure in name resolution",
            "Temporary failure resolving '",
            "Name or service not known",
            "Network is unreachable",
            "No route to host",
            "Connection refused",
            "Connection timed out",
            "Connection reset by peer",
            "Connection broken",
            "Read timed out",
            "ConnectionError",
            "Download failed after ",
            "RemoteDisconnected",
            "IncompleteRead",
            "fatal: unable to access '",
        ),
        "the network is missing: {0} could not be reached",
        "check network and proxy, then run it again: what was loaded already is kept",
        words=r"(?:resolve '([^']+)'|resolve (?:host|proxy): ([^\s;]+)|host='([^']+)'"
        r"|host address ['‘]([^'’]+)|resolving '([^']+)'|https?://([^/'\s]+))",
    ),
    Known(
        "no-automations",
        ("No script content repo registered",),
        "the installation has no automation repository",
        "mlperf-tui setup gets it",
        is_strong=True,
    ),
    # --- data and models --------------------------------------------------------------------
    Known(
        "path-missing",
        ("Error : Path ",),
        "there is no {0}",
        "correct the path of the dataset or model (--imagenet_path and the like)",
        pattern=r"Path (.+?) doesn't exist",
        is_strong=True,
    ),
    Known(
        "path-missing",
        ("Error : ",),
        "there is no {0}",
        "correct the path of the dataset or model",
        pattern=r"Error : (?:Local file|Provided [\w ]*path|Model file path) '?([^\s']+)'? "
        r"(?:doesn't exist|does not exist|not existing)",
        is_strong=True,
    ),
    Known(
        "dataset-incomplete",
        (" files found in ",),
        "the dataset in {1} has {0} files; {2} are needed",
        "_full needs the whole set; _short takes 500 images, --imagenet_preprocessed_path one "
        "that is prepared already",
        pattern=r"Only (\d+) files found in (\S+?)\.? (\d+) expected",
        is_strong=True,
    ),
    Known(
        "dataset-incomplete",
        ("reduced image list, ",),
        "the dataset lacks {0} images",
        "give the path of the whole set, or run _short",
        pattern=r"image list, (\d+) images not found",
        is_strong=True,
    ),
    Known(
        "model-missing",
        ("NO_SUCHFILE", "NoSuchFile"),
        "there is no model file {0}",
        "correct the path of the model, or leave it out: then mlcr downloads it",
        words=r"Load model (?:from )?(\S+) failed",
        is_strong=True,
    ),
    Known(
        "model-damaged",
        (
            "INVALID_PROTOBUF",
            "Protobuf parsing failed",
            "PytorchStreamReader failed",
            "SafetensorError",
            "unexpected EOF, expected",
        ),
        "a model file is damaged, most likely by a download that broke off",
        "remove it from the cache (mlc rm cache --tags=get,ml-model -f) and run it again",
        is_strong=True,
    ),
    Known(
        "checksum",
        (
            "checksum did NOT match",
            "Checksum failed for local file",
            "checksum mismatch",
            "mismatch between original checksum",
        ),
        "a downloaded file is not the expected one (its checksum differs)",
        "remove it from mlcr's cache and run it again",
        is_strong=True,
    ),
    Known(
        "file-missing",
        ("FileNotFoundError: ",),
        "there is no file {0}",
        "check the paths that were given",
        words=r"'([^']+)'\s*$",
    ),
    Known(
        "permission",
        ("PermissionError: ", "Permission denied", "[Errno 13]"),
        "a file or folder may not be read or written: {0}",
        "give the user that runs mlperf-tui the right to it",
        words=r"(?:denied: '([^']+)'|([^\s:'‘]{1,200})['’]?: Permission denied)",
    ),
    # --- what was asked for -----------------------------------------------------------------
    Known(
        "combination",
        (" is explicitly invalid",),
        "mlcr does not take this combination: {0}",
        "change the model, implementation or framework",
        words=r"Combination (\[[^\]]*\])",
        is_strong=True,
    ),
    Known(
        "variations",
        ("variation tags [",),
        "{0}",
        pattern=r"variation tags \[([^\]]*)\] are not matching for the found script (\S+) with "
        r"variations dict_keys\(\[(.*)",
        reach=20_000,
        is_strong=True,
    ),
    Known(
        "two-variations",
        ("Multiple variation tags selected",),
        "two variations of one kind ({0}) were given: {1}",
        "leave one of them out",
        words=r"variation group \"?([\w.-]+)\"?: (.*)",
        is_strong=True,
    ),
    Known(
        "no-script",
        ("no scripts were found with tags: ",),
        "mlcr knows no script {0}",
        "check the first word of the command, and that the automations are there: mlperf-tui "
        "doctor",
        words=r"tags: (\[[^\]]*\])",
    ),
    Known(
        "not-ascii",
        ("Non-ASCII characters",),
        "mlcr takes no characters beyond ASCII",
        "write names and paths with plain letters",
        is_strong=True,
    ),
    Known(
        "question",
        ("EOFError",),
        "mlcr asked a question, and nobody was there to answer",
        "run it with --quiet (a run of this app is), and name what it asked for in the line above",
        pattern=r"(?:Error : EOFError|EOFError: EOF when reading|^EOFError)",
        rerun=("--quiet",),
        is_strong=True,
    ),
    Known(
        "choice-missing",
        ("Please select a variation specifying the ",),
        "the {0} was not said",
        "name it: --model, --device, --framework",
        words=r"specifying the (\w+)",
        is_strong=True,
    ),
    # --- how programs end -------------------------------------------------------------------
    Known(
        "segfault",
        ("Segmentation fault",),
        "a program crashed (segmentation fault)",
        "often two builds do not fit (ONNX Runtime, NumPy, CUDA): the lines around it show what "
        "it was loading; a fresh venv helps: mlperf-tui setup",
    ),
    Known(
        "illegal-instruction",
        ("Illegal instruction",),
        "a program was built for another kind of CPU",
        "install a build for this one",
        is_strong=True,
    ),
    Known(
        "aborted",
        ("terminate called after throwing an instance of", "  what():  ", "Assertion ", "Aborted"),
        "a program gave up: {0}",
        "the lines around it say more",
        pattern=r"(?:(terminate called .*)|what\(\): +(.*)|(Assertion .* failed.*)"
        r"|(?:^|line \d+: +\d+ )(Aborted)\b)",
    ),
)
