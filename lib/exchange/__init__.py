"""Trained networks for other programs, and back: ONNX, safetensors, PyTorch's form of the weights."""
