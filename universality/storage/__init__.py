"""What lies on disk: staged folders, kept work, manifests."""
