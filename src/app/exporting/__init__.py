"""Taking the data out: an archive of a user's rows and files, or of everybody's, which `holdfast import holdfast` reads."""
