import { PROVIDERS } from "../../providers/index.ts";

const TYPES = Object.values(PROVIDERS).flatMap(({ types }) => Object.values(types));
/** The fields of inputs that are files, whatever the type of the job. */
export const FILE_FIELDS: readonly string[] = [...new Set(TYPES.flatMap(({ files = [] }) => files.map(({ field }) => field)))];

const binary = (field: string) => ({ type: "string", format: "binary", description: `The file that is \`input.${field}\`` });
/**
 * A submit as multipart, for the document. It is no type of the route and no schema of zod's: to one the library would bind
 * the body, all of it in memory.
 */
export const submitForm: object = {
	"multipart/form-data": {
		schema: {
			type: "object",
			required: ["job"],
			properties: {
				job: {
					type: "object",
					additionalProperties: true,
					description: "`SubmitJob` as JSON, without the fields of `input` that come as parts",
				},
				...Object.fromEntries(FILE_FIELDS.map((field) => [field, binary(field)])),
			},
		},
	},
};
