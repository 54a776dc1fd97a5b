//! What may be wrong with the file, the disk or the process.
