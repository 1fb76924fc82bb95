"""The rubrics that are shipped, one file each; `analyzer.judge.rubric` reads them."""
