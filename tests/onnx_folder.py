"""A tiny model as an exported folder."""
import tiny

from runs import onnx_export

LABELS = ("gut", "schlecht", "größer")


def write(folder, labels=LABELS, **changes):
    """Writes a fine-tuned model to FOLDER/model, and FOLDER/onnx; returns both paths.

    Args:
      folder: pathlib's.
      changes: other values in the exported model.json.
    """
    (folder / "model").mkdir()
    stored = tiny.write(folder / "model", labels)
    with onnx_export.opened(stored.folder) as model:
        model.content.update(changes)
        onnx_export.export(model, str(folder / "onnx"))
    return stored.folder, str(folder / "onnx")
