import { type SQL, sql } from "drizzle-orm";
import { attempts, deliveries } from "../db/schema.ts";

/*
 * What goes with its owner goes from the leaves on, so that whatever cuts it short leaves an owner that the next batch finds
 * again. `of`: deliveries `d` beside their owner, e.g. `jobs j JOIN deliveries d ON …`; `doomed`: of which owners.
 */

export const deleteAttempts = (of: SQL, doomed: SQL, limit: SQL): SQL => sql`DELETE FROM ${attempts} WHERE id IN (
		SELECT a.id FROM ${of} JOIN ${attempts} a ON a.delivery_id = d.id WHERE ${doomed} LIMIT ${limit}
	) RETURNING id`;

export const deleteDeliveries = (of: SQL, doomed: SQL, limit: SQL): SQL => sql`DELETE FROM ${deliveries} WHERE id IN (
		SELECT d.id FROM ${of} WHERE ${doomed} AND NOT EXISTS (SELECT 1 FROM ${attempts} a WHERE a.delivery_id = d.id) LIMIT ${limit}
	) RETURNING id`;
