/** What the contract documents: every operation with its statuses and their schemas. */
import contract from "../../../contracts/edge-api.json";

interface Operation {
  responses: Record<string, { description: string; content?: { "application/json"?: { schema: unknown } } }>;
}

export const OPERATIONS = Object.entries(contract.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method} ${path}`,
    operation: operation as Operation,
  })),
);

export const DOCUMENTED = OPERATIONS.flatMap(({ name, operation }) =>
  Object.entries(operation.responses).map(([status, { content }]) => ({
    name,
    status,
    schema: content?.["application/json"]?.schema,
  })),
);

/** Errors that share their status with others of the operation; what any route may answer is the same everywhere. */
export const SHARED_STATUS = OPERATIONS.flatMap(({ name, operation }) =>
  Object.entries(operation.responses)
    .map(([status, { description }]) => ({ name, status, codes: description.split(", ") }))
    .filter(({ status, codes }) => Number(status) > 400 && codes.length > 1),
).flatMap(({ codes, ...answer }) => codes.map((code) => ({ ...answer, code })));

const SCHEMAS = contract.components.schemas as Record<string, unknown>;

/** The schema with every reference put in its place. */
export function resolved(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(resolved);
  if (typeof schema !== "object" || schema === null) return schema;
  if ("$ref" in schema) return resolved(SCHEMAS[String(schema.$ref).replace("#/components/schemas/", "")]);
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolved(value)]));
}
