"""Publishers: encodings of stored records, each over one client library."""
