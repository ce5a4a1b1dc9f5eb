"""What comes from elsewhere: downloads, the embedded encoder, checkpoints of Hugging Face."""
