"""One latent under the microscope: where it fires, what it does, whether other runs have it."""
