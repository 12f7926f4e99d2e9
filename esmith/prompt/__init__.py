"""At the prompt: completion for shells and manual pages, both made of the declarations of the commands."""
