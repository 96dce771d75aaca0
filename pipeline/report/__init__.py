"""`mnemosyne report`: one HTML page from folders of records, runs and scores."""
