"""OpenALPR and Rekor Scout: webhooks of the agent."""
