import { freshSqlite } from "../support/sqlite.ts";
import { GATEWAY, openWorld } from "../support/world.ts";

/** What is used of JSON Schema in the service's own document. */
export interface Schema {
	$ref?: string;
	type?: string | string[];
	enum?: (string | number)[];
	oneOf?: Schema[];
	anyOf?: Schema[];
	allOf?: Schema[];
	properties?: Record<string, Schema>;
	required?: string[];
	additionalProperties?: boolean | Schema;
	items?: Schema;
	minItems?: number;
	maxItems?: number;
	minLength?: number;
	maxLength?: number;
	minimum?: number;
	maximum?: number;
	pattern?: string;
	format?: string;
	example?: unknown;
}
interface Parameter {
	name: string;
	in: "path" | "query" | "header";
	required: boolean;
	schema: Schema;
}
export interface Operation {
	/** `GET /v1/jobs/{id}` */
	name: string;
	method: string;
	path: string;
	parameters: Parameter[];
	/** By media type. */
	bodies: Record<string, Schema>;
	/** Status → the schema of its JSON, where it has one. */
	responses: Record<string, Schema | null>;
	/** What it asks of a key; null: no key. */
	scope: "read" | "submit" | "admin" | null;
}
export interface Service {
	operations: Operation[];
	/** What a `$ref` stands for. */
	resolve(schema: Schema): Schema;
}

interface Content {
	content?: Record<string, { schema: Schema }>;
}
interface Document {
	components: { schemas: Record<string, Schema> };
	paths: Record<
		string,
		Record<string, { parameters?: Parameter[]; requestBody?: Content; responses: Record<string, Content>; "x-scope"?: Operation["scope"] }>
	>;
}

/** The routes as the service itself describes them. */
export async function readService(): Promise<Service> {
	const world = await openWorld(freshSqlite());
	const document = (await (await world.app.request(`${GATEWAY}/openapi.json`)).json()) as Document;
	await world.close();
	const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
		Object.entries(methods).map(([method, { parameters = [], requestBody, responses, "x-scope": scope = null }]): Operation => {
			const bodies = Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => [type, schema] as const);
			const answers = Object.entries(responses).map(
				([status, { content }]) => [status, content?.["application/json"]?.schema ?? null] as const,
			);
			return {
				...{ name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path, parameters },
				...{ bodies: Object.fromEntries(bodies), responses: Object.fromEntries(answers), scope },
			};
		}),
	);
	const schemas = document.components.schemas;
	return { operations, resolve: (schema) => (schema.$ref === undefined ? schema : schemas[schema.$ref.split("/").at(-1)!]!) };
}

/** The operation that a request reaches; null: none. */
export function operationAt(operations: readonly Operation[], method: string, pathname: string): Operation | null {
	const parts = pathname.split("/");
	const wanted = method === "HEAD" ? "GET" : method;
	const fits = ({ path }: Operation) => {
		const pattern = path.split("/");
		return pattern.length === parts.length && pattern.every((part, i) => (part.startsWith("{") ? parts[i] !== "" : part === parts[i]));
	};
	return operations.find((operation) => operation.method === wanted && fits(operation)) ?? null;
}
