import json

import numpy

with numpy.load("models/pretrained.npz") as file:
    kernels = file["weights/encoder.conv1.W"]
    about = json.loads(str(file["meta"]))

print(kernels.shape, about["iteration"], about["network"]["kernel"])
