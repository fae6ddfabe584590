"""Loss functions, one a file: tensors in, this process's part of the loss of the whole batch out."""
