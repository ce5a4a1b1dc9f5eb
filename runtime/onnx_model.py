"""What the ONNX files of models are called, and what they hold. Nothing here needs TensorFlow, onnx or onnxruntime."""

FILE = "model.onnx"  # beside MODEL_FILE and VOCAB_FILE of run_files
CARD = "README.md"
OPSET = 12  # the last one in which onnxruntime fuses the attention of BERT as it is written there
IR_VERSION = 7  # of the file's format; goes with the opset
INPUTS = ("input_ids", "input_mask", "segment_ids")  # int32 [batch, seq]
LOGITS, PROBABILITIES = "logits", "probabilities"  # float32 [batch, classes]
