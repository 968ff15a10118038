import { type buildConnector, errors } from "undici";

/** What undici's parser is given at once. */
const PIECE_BYTES = 1024;

/**
 * Connections that undici reads piece by piece. Once a header block is too large its parser still goes on to the end of what it
 * was given, and makes an error for each field there: 64 KiB of the shortest would stop this process for 0.15 s.
 */
export const inPieces =
	(connect: buildConnector.connector): buildConnector.connector =>
	(options, callback) =>
		connect(options, (...[error, socket]) => {
			if (error !== null) return callback(error, null);
			const read = socket.read.bind(socket);
			socket.read = (size?: number) => {
				if (socket.errored instanceof errors.HeadersOverflowError) return null;
				return read(size ?? (socket.readableLength > PIECE_BYTES ? PIECE_BYTES : undefined));
			};
			callback(null, socket);
		});
