"""What a plan or a reading is worth: on images, and against the library."""
