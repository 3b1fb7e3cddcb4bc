"""What a ruling hides: every form of a person's name, in every text and in every file that would be published."""
