"""What every room stands on: TensorFlow of either line, errors, files, sessions, progress. Knows nothing of ours."""
