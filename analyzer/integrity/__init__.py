"""Was the sample what it should be, what is missing, and does the setup favour an arm?"""
