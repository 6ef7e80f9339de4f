"""A disk that is slow: a library that makes a process wait for each sync of some files."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void wait_for_the_disk(int file) {
    const char *suffix = getenv("SLOW_DISK_SUFFIX"), *when = getenv("SLOW_DISK_WHEN");
    char link[64], path[4096];
    if (suffix == NULL || when == NULL || access(when, F_OK) != 0) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path);
    ssize_t wanted = (ssize_t)strlen(suffix);
    if (length < wanted || memcmp(path + length - wanted, suffix, wanted) != 0) return;
    long milliseconds = atol(getenv("SLOW_DISK_MILLISECONDS"));
    struct timespec rest = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&rest, NULL);
}

int fsync(int file) {
    wait_for_the_disk(file);
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
    wait_for_the_disk(file);
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
"""


class SlowDisk:
    """Makes the processes that are started with its `variables` wait for each sync of a file
    whose name ends with `suffix`, from `begin` to `end`."""

    def __init__(self, folder: Path, suffix: str, seconds: float) -> None:
        library = folder / "slow_disk.so"
        command = ["cc", "-shared", "-fPIC", "-O1", "-xc", "-", "-o", str(library), "-ldl"]
        subprocess.run(command, input=_SOURCE, text=True, check=True, capture_output=True)
        self._switch = folder / "the-disk-is-slow"
        self.variables: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "SLOW_DISK_SUFFIX": suffix,
            "SLOW_DISK_WHEN": str(self._switch),
            "SLOW_DISK_MILLISECONDS": str(round(seconds * 1000)),
        }

    @staticmethod
    def is_possible() -> bool:
        """Whether there is a compiler to make it with."""
        return shutil.which("cc") is not None

    def begin(self) -> None:
        """It is slow from now on."""
        self._switch.touch()

    def end(self) -> None:
        """It is quick again."""
        self._switch.unlink(missing_ok=True)
