#!/usr/bin/env python3
"""Gets the ONNX Runtime shared library into `models/runtime/`.

Owns: which version, from which wheel, with which digest.  Needs nothing but
Python's standard library and pip.  The wheel is always the one for CPython
3.11, whatever Python runs this, so each platform has exactly one digest.

Does nothing when a library is already there: in `models/runtime/`, at
`ORT_DYLIB_PATH`, or where the system's loader looks.
"""

import argparse
import ctypes
import ctypes.util
import hashlib
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import zipfile

VERSION = "1.31.1"
RUNTIME = pathlib.Path(__file__).resolve().parent / "runtime"
RETRY = "run it again; if it stays so, get ONNX Runtime {version} another way and set ORT_DYLIB_PATH to its library"

# (system, machine): (platform tag of the wheel, its sha256, the library's name, sha256 and stable name)
WHEELS = {
    ("Linux", "x86_64"): (
        "manylinux_2_28_x86_64",
        "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
        "libonnxruntime.so.1.31.1",
        "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
        "libonnxruntime.so",
    ),
    ("Linux", "aarch64"): (
        "manylinux_2_28_aarch64",
        "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
        "libonnxruntime.so.1.31.1",
        "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
        "libonnxruntime.so",
    ),
    ("Darwin", "arm64"): (
        "macosx_14_0_arm64",
        "60b6b69bfe580eab576cacc5d132a0e9cf2a37fcfd18d46dd191042b1d1ed0d7",
        "libonnxruntime.1.31.1.dylib",
        "f8b06155feece624e55e49124340eea279da812529ae6fbc46a9f2be9c9cad2e",
        "libonnxruntime.dylib",
    ),
}


class SetupError(Exception):
    """What went wrong, and the way out."""


class Wheel:
    """The pinned wheel of one platform and the library inside it."""

    def __init__(self, system, machine):
        key = (system, {"AMD64": "x86_64", "amd64": "x86_64"}.get(machine, machine))
        if key not in WHEELS:
            known = ", ".join(" ".join(pair) for pair in WHEELS)
            raise SetupError(
                f"no wheel is pinned for {system} {machine} (only for {known}); "
                f"install ONNX Runtime {VERSION} yourself and set ORT_DYLIB_PATH to its library"
            )
        self.tag, self.sha256, self.library, self.library_sha256, self.stable_name = WHEELS[key]


def digest(path):
    state = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            state.update(block)
    return state.hexdigest()


# --- is there one already? ------------------------------------------------


def find_existing(wheel, folder):
    """A sentence about the library that makes a download needless, or None."""
    named = os.environ.get("ORT_DYLIB_PATH")
    if named and pathlib.Path(named).is_file():
        return f"ORT_DYLIB_PATH names {named}"
    if all(is_intact(folder / name, wheel) for name in (wheel.library, wheel.stable_name)):
        return f"ONNX Runtime {VERSION} is already in {folder}"
    version = system_version()
    if version is not None and version >= numbers(VERSION)[:2]:
        return f"the system has ONNX Runtime {'.'.join(map(str, version))}"
    return None


def is_intact(path, wheel):
    return path.is_file() and digest(path) == wheel.library_sha256


def numbers(version):
    return tuple(int(part) for part in version.split("."))


def system_version():
    """(major, minor) of the library the system's loader finds, or None."""
    name = ctypes.util.find_library("onnxruntime")
    if name is None:
        return None
    try:
        base = ctypes.CDLL(name).OrtGetApiBase
    except (OSError, AttributeError):
        return None
    # OrtApiBase is a pair of function pointers: GetApi, GetVersionString.
    base.restype = ctypes.POINTER(ctypes.c_void_p * 2)
    get_version = ctypes.CFUNCTYPE(ctypes.c_char_p)(base().contents[1])
    try:
        return numbers(get_version().decode("ascii"))[:2]
    except ValueError:
        return None


# --- getting it -----------------------------------------------------------


def download(wheel, folder):
    """The wheel in `folder`, its digest checked."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode != 0:
        raise SetupError(
            f"{sys.executable} has no pip; install it (`{sys.executable} -m ensurepip`, "
            "or the system's python3-pip), or run this with another Python"
        )
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp",
        "--platform", wheel.tag, "--dest", str(folder), f"onnxruntime=={VERSION}",
    ]  # fmt: skip
    if subprocess.run(command).returncode != 0:
        raise SetupError(
            f"pip found no onnxruntime {VERSION} for {wheel.tag} (its own message is above); "
            "check the network or pip's index, or set ORT_DYLIB_PATH to a library you have"
        )
    found = sorted(folder.glob("onnxruntime-*.whl"))
    if len(found) != 1:
        raise SetupError(f"pip said it succeeded, yet left {len(found)} wheels in {folder}")
    return checked(found[0], wheel)


def checked(path, wheel):
    if not path.is_file():
        raise SetupError(f"{path}: no such file")
    found = digest(path)
    if found != wheel.sha256:
        raise SetupError(
            f"{path.name}: expected sha256 {wheel.sha256}, found {found}; " + RETRY.format(version=VERSION)
        )
    return path


def extract(archive, wheel, folder):
    """Puts the library into `folder` under both names, each by a rename."""
    with zipfile.ZipFile(archive) as content:
        library = content.read(f"onnxruntime/capi/{wheel.library}")
    if hashlib.sha256(library).hexdigest() != wheel.library_sha256:
        raise SetupError(f"{wheel.library} inside the wheel is not the pinned one")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (wheel.library, wheel.stable_name):
        publish(library, folder / name)


def publish(content, path):
    """Writes beside `path`, then renames: a reader sees the whole file or none."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o755)
        os.replace(temporary, path)
    except BaseException:
        pathlib.Path(temporary).unlink(missing_ok=True)
        raise


def main():
    parser = argparse.ArgumentParser(
        description=f"Get the ONNX Runtime {VERSION} shared library into models/runtime/.",
        epilog="Does nothing when a library that will do is there already, in models/runtime/, "
        "at ORT_DYLIB_PATH, or where the system's loader looks.",
    )
    parser.add_argument("--wheel", type=pathlib.Path, help="use this wheel instead of downloading it")
    parser.add_argument("--force", action="store_true", help="get it even when one is there already")
    arguments = parser.parse_args()

    wheel = Wheel(platform.system(), platform.machine())
    existing = None if arguments.force else find_existing(wheel, RUNTIME)
    if existing is not None:
        print(f"nothing to do: {existing}")
        return
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.wheel is not None:
            archive = checked(arguments.wheel, wheel)
        else:
            archive = download(wheel, pathlib.Path(scratch))
        extract(archive, wheel, RUNTIME)
    print(f"ONNX Runtime {VERSION} is in {RUNTIME}")


if __name__ == "__main__":
    try:
        main()
    except (SetupError, OSError, zipfile.BadZipFile, KeyError) as error:
        sys.exit(f"error: {error}")
