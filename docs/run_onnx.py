import numpy
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession("net.onnx")
about = session.get_modelmeta().custom_metadata_map
size = int(about["picture_size"])

# A picture that is framed already: the object on grey, its longer side seven tenths of the picture's.
picture = Image.open("framed.png").convert("RGB").resize((size, size))
view = numpy.asarray(picture, numpy.float32).transpose(2, 0, 1) / 255
(occupancy,) = session.run(None, {"views": view[None, None]})  # one object, one view
print(occupancy.shape, (occupancy > float(about["threshold"])).sum(), "voxels are occupied")
