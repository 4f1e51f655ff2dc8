-- Makes the store of our server bad, as the feature bad-store of the conformance cases wants it: a commit
-- with a value for the key `refused` fails. For SQLite, while the server runs or not.
CREATE TRIGGER bad_store BEFORE INSERT ON entries WHEN NEW.key = 'refused'
BEGIN
  SELECT RAISE(ABORT, 'the store is bad');
END;
