"""Processes, on one machine or several, that train as one."""

from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from ..contract import InpaintError

LONGEST = timedelta(hours=1)  # that all wait for the first, which keeps and validates alone


class Processes:
    """The machines and GPUs that train together, each on its share of every batch. Accelerate finds them."""

    def __init__(self, device: str):
        from accelerate import PartialState

        if device != "auto" and not is_here(device):
            raise InpaintError(f"There is no device {device!r} here; choose another, or auto.")
        cpu = device == "cpu" or (device == "auto" and not torch.cuda.is_available())
        state = PartialState(cpu=cpu, timeout=LONGEST)
        self.count, self.index, self.first = state.num_processes, state.process_index, state.is_main_process
        self.device = torch.device(device) if device not in ("auto", "cpu") and self.count == 1 else state.device
        if self.count > 1 and self.device.type not in ("cuda", "cpu"):
            raise InpaintError(f"Several processes train on CUDA GPUs or on CPUs, not on {self.device.type}.")

    def claim(self) -> None:
        """Let a new thread use this process's GPU: it would begin with the first, which may be another's."""
        if self.device.type == "cuda" and self.device.index is not None:
            torch.cuda.set_device(self.device)

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all processes."""
        if self.count == 1:
            return values
        from accelerate.utils import reduce

        return reduce(values, "mean")

    def agree(self, *numbers: float) -> list[float]:
        """What the first process says."""
        if self.count == 1:
            return list(numbers)
        from accelerate.utils import broadcast

        return broadcast(torch.tensor(numbers, dtype=torch.float64, device=self.device)).tolist()

    def alike(self, *numbers: float) -> bool:
        """Whether all say the same."""
        if self.count == 1:
            return True
        said = torch.tensor([numbers, [n**2 for n in numbers]], dtype=torch.float64, device=self.device)
        return self.mean(said.clone()).equal(said)

    def share(self, gradients: list[Tensor]) -> None:
        """Gradients replaced by their mean over all processes.

        One message for all of them, with no wrapper around the networks: critics are differentiated twice and used
        several times in a step, which wrappers that listen to gradients do not take well.
        """
        if self.count > 1 and gradients:
            flat = self.mean(torch.cat([g.flatten() for g in gradients]))
            for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
                gradient.copy_(part.view_as(gradient))

    def join(self, recipe: nn.Module) -> None:
        """Let BatchNorm take the statistics of whole batches, not of each process's part."""
        if self.count > 1 and self.device.type == "cuda":
            nn.SyncBatchNorm.convert_sync_batchnorm(recipe)
        elif self.count > 1:
            for module in recipe.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.__class__ = JointNorm  # the same tensors, another way to use them


def is_here(device: str) -> bool:
    """Whether there is such a device. Asks without using it: its first use would take up memory on a GPU that may
    be another process's."""
    try:
        wanted = torch.device(device)
    except RuntimeError:
        return False
    found = torch.accelerator.current_accelerator(check_available=True)
    if found is None or wanted.type == "cpu":
        return wanted.type == "cpu"
    return wanted.type == found.type and (wanted.index or 0) < torch.accelerator.device_count()


class JointMean(torch.autograd.Function):
    """The mean over all processes; its gradient is the mean of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        from accelerate.utils import reduce

        return reduce(x, "mean")

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        from accelerate.utils import reduce

        return reduce(gradient, "mean")


class JointNorm(nn.BatchNorm2d):
    """BatchNorm with the statistics of all processes' parts, of equal size; torch has it for GPUs alone."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        exact = x.float()
        mean = JointMean.apply(exact.mean((0, 2, 3)))
        centred = exact - mean[:, None, None]
        variance = JointMean.apply(centred.square().mean((0, 2, 3)))
        with torch.no_grad():
            size = x.numel() / x.shape[1] * torch.distributed.get_world_size()
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * size / max(size - 1, 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)
