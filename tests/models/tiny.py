"""Networks small enough for NumPy loops and numerical gradients."""

from voxlstm.models.network import NetworkConfig


def config(kernel, **changes):
    """Return a definition with every kind of layer: two encoder steps, one unpooling, 4x4x4 out."""
    values = dict(
        image=7,
        encoder_widths=(2, 3),
        encoder_kernels=(3, 3),
        features=4,
        grid=2,
        channels=2,
        kernel=kernel,
        decoder_widths=(3, 2),
        unpoolings=1,
    )
    return NetworkConfig(**{**values, **changes})
