"""A GPU where there is none: the CPU computes, and what a GPU would refuse is refused.

For tests of code that chooses a device. Inside `with PretendedGpu() as gpu`, `torch.cuda.is_available()` is true;
tensors that are sent to "cuda" or made there lie there for this mode; an operation on tensors of both sides raises, as
does reading one from Python's side (`numpy()`) before `cpu()`. How fast or how exact a GPU is, it does not show.
Only public names of PyTorch are used (torch.overrides).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode

GPU = torch.device("cuda", 0)
_READS: set[Any] = {torch.Tensor.numpy, torch.Tensor.__array__}
_ANYWHERE: set[Any] = {torch.Tensor.tolist, torch.Tensor.item, torch.Tensor.__len__, torch.Tensor.__repr__}
"""Those copy by themselves, or look at the shape alone."""
_OF_MODULES = ("_has_compatible_shallow_copy_type", "__set__")
"""By name what nn.Module.to() does to its parameters: asks, and puts the copy of the other side in their place."""


class PretendedGpu(TorchFunctionMode):
    """calls   operations on tensors of the GPU so far
    broken  raised by every operation there while it is set: out of memory, or the device is lost
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.broken: Exception | None = None
        self._there: dict[int, Any] = {}
        self._patch = mock.patch.object(torch.cuda, "is_available", lambda: True)

    def __enter__(self) -> PretendedGpu:
        self._patch.start()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        self._patch.stop()

    def is_there(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor lies on the GPU: it or what it is a view of. An empty one lies nowhere."""
        return tensor.untyped_storage().data_ptr() in self._there

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        tensors = list(_tensors((args, kwargs)))
        there = any(self.is_there(one) for one in tensors)
        if func == torch.Tensor.device.__get__:
            return GPU if there else args[0].device
        if func is torch.Tensor.cpu:
            return args[0].clone() if there else args[0]
        if func in _READS and there:
            raise TypeError("can't convert cuda:0 device type tensor to numpy; use Tensor.cpu() first")
        wanted, args, kwargs = _take_device(func, args, kwargs)
        moves = func is torch.Tensor.to and wanted is not None
        if there and not moves and func not in _ANYWHERE and func.__name__ not in _OF_MODULES:
            # As the real one: a number in a tensor may come from the CPU, and an index.
            if func is not torch.Tensor.__getitem__ and any(not self.is_there(t) and t.dim() for t in tensors):
                raise RuntimeError(f"{func.__name__}: expected all tensors to be on the same device, cuda:0 and cpu")
            if func is torch.Tensor.__getitem__ and not self.is_there(args[0]):
                raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
        lands = wanted.type == "cuda" if wanted is not None else there
        if lands or there:
            self.calls += 1
            if self.broken is not None:
                raise self.broken
        made = func(*args, **kwargs)
        if moves and lands != there:
            made = made.clone()  # its own memory, as a copy to the other side has
        if lands:
            for one in _tensors(made):
                self._keep(one)
        return made

    def _keep(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage.data_ptr():
            self._there[storage.data_ptr()] = storage  # held, so that its address is given to no other


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _tensors(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _tensors(one)


def _take_device(func: Any, args: Any, kwargs: dict[str, Any]) -> tuple[torch.device | None, Any, dict[str, Any]]:
    """The device that a call names, and the call without it."""
    if kwargs.get("device") is not None:
        return torch.device(kwargs["device"]), args, {**kwargs, "device": torch.device("cpu")}
    if func is torch.Tensor.to and len(args) > 1 and isinstance(args[1], str | torch.device):
        return torch.device(args[1]), (args[0], torch.device("cpu"), *args[2:]), kwargs
    return None, args, kwargs
