"""`mnemosyne bench prepare`: records per core second, ours and other programs'."""
