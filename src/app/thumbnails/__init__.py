"""Small images, made of large ones by a process that can be ended: what decodes the images of strangers is not trusted."""
