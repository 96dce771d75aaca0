"""The parts of wiki text that need tables: templates, links, language variants, quotes."""
