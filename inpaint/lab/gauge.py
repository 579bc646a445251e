"""How much memory was held at most, and when a device is done: what can be told of this machine."""

import sys


def wait(device: str) -> None:
    """Until the device has done all it was given; a processor always has."""
    if device != "cpu":
        import torch

        torch.accelerator.synchronize()


def peak(device: str) -> float | None:
    """GiB at most so far: of this process, or what it held on a CUDA device; None where it cannot be told."""
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated() / 2**30
    if device != "cpu":  # Metal counts what is held now, not the most
        return None
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def forget(device: str) -> bool:
    """Let `peak` begin anew; whether this system can do that (Linux, or a CUDA device)."""
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
        return True
    if device != "cpu":
        return False
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # proc(5): the peak resident set size
        return True
    except OSError:
        return False
