"""Files: encrypted before they are stored, hashed, typed by their content, scanned.

The mechanism only. Which file belongs to what, and who may read it, each feature keeps in a table
of its own that names the blob.
"""
