"""Who may be named in a text: people's names in Han characters, kana and Latin letters, told from ordinary words and places."""
