"""What the product knows of mail besides its templates: DKIM keys, and the DNS entries to publish."""
