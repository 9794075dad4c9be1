"""The API of the page: requests in, responses out."""
