"""Where weights come from, and classifiers built, cut and saved in the Hugging Face layout."""
