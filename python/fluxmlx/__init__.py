"""Run GGUF and MLX language models natively on Apple's MLX."""
