"""Claims of model cards, bills of material and signatures, held against what the files show."""
