"""The sizes of a network, as a definition file holds them."""

from dataclasses import dataclass
from typing import Any, Self

from ..lib.base.config import build, load_yaml, to_dict
from ..lib.base.hints import StrPath


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of a network, as a definition file holds them.

    Attributes
    ----------
    image : int
        Pixels a side of a view.
    encoder_widths, encoder_kernels : tuple of int
        Maps and kernel size of each convolution of the encoder.
    features : int
        Length of tau(x).
    grid : int
        Cells a side of the recurrent grid.
    channels : int
        Length of the hidden state and of the memory of a cell.
    kernel : int
        Size of the kernel U that joins neighbouring cells: 1 or 3 in the paper.
    decoder_widths : tuple of int
        Maps of each convolution of the decoder but the last, which has one for each class.
    unpoolings : int
        How many of them, from the first, are preceded by unpooling.
    """

    image: int
    encoder_widths: tuple[int, ...]
    encoder_kernels: tuple[int, ...]
    features: int
    grid: int
    channels: int
    kernel: int
    decoder_widths: tuple[int, ...]
    unpoolings: int

    def __post_init__(self) -> None:
        for name in ("image", "features", "grid", "channels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)}")
        for name in ("encoder_widths", "decoder_widths"):
            if not getattr(self, name) or min(getattr(self, name)) < 1:
                raise ValueError(f"{name} must be a list of numbers of 1 or more")
        if len(self.encoder_kernels) != len(self.encoder_widths):
            raise ValueError(
                f"encoder_kernels must have as many values as encoder_widths, "
                f"{len(self.encoder_widths)}, not {len(self.encoder_kernels)}"
            )
        if any(size < 1 or size % 2 == 0 for size in self.encoder_kernels):
            raise ValueError("encoder_kernels must be odd, so that padding keeps the size")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError("kernel must be odd, so that padding keeps the size")
        if not 0 <= self.unpoolings <= len(self.decoder_widths):
            raise ValueError(
                f"unpoolings must be between 0 and the number of decoder_widths, "
                f"{len(self.decoder_widths)}, not {self.unpoolings}"
            )

    @classmethod
    def from_file(cls, path: StrPath) -> Self:
        """Read a definition such as ``models/lstm_3x3x3.yaml``; UserError where it is wrong."""
        return build(cls, load_yaml(path), str(path))

    @classmethod
    def from_dict(cls, mapping: dict[str, Any], where: str = "") -> Self:
        """Build from what `to_dict` returned; UserError where it is wrong."""
        return build(cls, mapping, where)

    def to_dict(self) -> dict[str, Any]:
        """Return the definition as plain values, as YAML and JSON store it."""
        return to_dict(self)

    @property
    def resolution(self) -> int:
        """Voxels a side of the prediction."""
        return self.grid * 2**self.unpoolings
