"""Which package of Debian and Ubuntu a command, a header or a library comes in."""

from __future__ import annotations

from collections.abc import Iterable

PACKAGES = {
    "git": "git",
    "ld": "binutils",
    "as": "binutils",
    "ar": "binutils",
    "gcc": "build-essential",
    "g++": "build-essential",
    "cc": "build-essential",
    "c++": "build-essential",
    "make": "build-essential",
    "cmake": "cmake",
    "wget": "wget",
    "curl": "curl",
    "unzip": "unzip",
    "rsync": "rsync",
    "patch": "patch",
    "tar": "tar",
    "bzip2": "bzip2",
    "xz": "xz-utils",
    "numactl": "numactl",
    "dmidecode": "dmidecode",
    "lscpu": "util-linux",
    "rclone": "rclone",
    "ninja": "ninja-build",
    "docker": "docker.io",
    "Python.h": "python3-dev",
    "numa.h": "libnuma-dev",
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libnuma.so.1": "libnuma1",
    "libgomp.so.1": "libgomp1",
    "libsndfile.so.1": "libsndfile1",
    "libSM.so.6": "libsm6",
    "libXext.so.6": "libxext6",
    "libXrender.so.1": "libxrender1",
}
"""What Debian and Ubuntu call the package that a command, a header or a library comes in."""
TOOLS = {name: PACKAGES[name] for name in ("git", "ld", "gcc", "g++", "make", "cmake")}
"""Commands that official scripts call on any machine."""
LIBRARIES = {name: PACKAGES[name] for name in ("libgthread-2.0.so.0", "libGL.so.1")}
"""What OpenCV loads."""


def apt_line(packages: Iterable[str]) -> str:
    """The one line that installs them; build-essential brings binutils."""
    wanted = list(dict.fromkeys(packages))
    if "build-essential" in wanted and "binutils" in wanted:
        wanted.remove("binutils")
    return f"sudo apt-get install -y {' '.join(wanted)}"
