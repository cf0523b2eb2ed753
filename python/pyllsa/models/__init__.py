"""Models."""
from pyllsa.models.pixel_dit import PixelDiT, PixelDiTConfig, flow_loss, flow_point, sample

__all__ = ["PixelDiT", "PixelDiTConfig", "flow_loss", "flow_point", "sample"]
