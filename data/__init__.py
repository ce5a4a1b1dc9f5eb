"""From text and TFRecord files to tasks as arrays: registry (tasks), files (records, text) and conversion (convert)."""
