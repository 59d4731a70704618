"""The precisions of products, and where each can be had."""

from ..base.errors import UserError
from .blas import cpu_flags

FLOAT32, TF32, BFLOAT16 = PRECISIONS = "float32", "tf32", "bfloat16"
HELP = (
    "of the factors of products: tf32 on a CUDA device, and bfloat16 on a CPU with AMX or an AMD CPU with"
    " AVX512-BF16, are faster and rounded; default: float32"
)
MULTIPLIES_BFLOAT16 = {"avx512_bf16", "amx_bf16"}  # flags of CPUs


def check(precision: str, device: str) -> None:
    """Refuse a precision that a device does not have.

    Raises
    ------
    UserError
    """
    if precision not in PRECISIONS:
        raise UserError(f"unknown precision {precision!r}; use {', '.join(PRECISIONS)}")
    if precision == TF32 and not device.startswith("cuda"):
        raise UserError(f"tf32 needs a CUDA device; add --device cuda or take --precision {FLOAT32}")
    if precision == BFLOAT16 and device != "cpu":
        raise UserError(f"bfloat16 is for the CPU; take --precision {TF32} or {FLOAT32} on {device}")
    if precision == BFLOAT16 and not MULTIPLIES_BFLOAT16 & cpu_flags():
        raise UserError(
            "this CPU multiplies no bfloat16, for which AVX512-BF16 or AMX is needed; take --precision"
            f" {FLOAT32}"
        )
