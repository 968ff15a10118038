/** A file in the blob store. `contentType` by its bytes. */
export interface StoredFile {
	id: string;
	name: string | null;
	contentType: string;
	sizeBytes: number;
	/** Hex. */
	sha256: string;
	blob: string;
}
