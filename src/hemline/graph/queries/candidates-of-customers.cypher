// `candidates` for many customers at once: those whose ids lie between two, both included.
// At H&M size two thousand of them keep within the default memory of the embedded store.
// Parameters:
//   from_id  string: id of the first customer
//   to_id    string: id of the last customer
// Columns:
//   customer  id
//   code      of the candidate
//   paths     purchases of the customer from which an edge SIMILAR leads to it
MATCH (c:Customer)-[:PURCHASED]->(p:Product)
WHERE c.id >= $from_id AND c.id <= $to_id
MATCH (i:Index)<-[:HAS_INDEX]-(p)-[:FROM_DEPARTMENT]->(d:Department)
WITH c, collect(DISTINCT d.number) AS departments, collect(DISTINCT i.code) AS indexes
MATCH (c)-[:PURCHASED]->(:Product)-[:SIMILAR]->(rec:Product)
WITH c, departments, indexes, rec, count(*) AS paths
MATCH (ind:Index)<-[:HAS_INDEX]-(rec)-[:FROM_DEPARTMENT]->(dep:Department)
WHERE dep.number IN departments AND ind.code IN indexes
RETURN c.id AS customer, rec.code AS code, paths
ORDER BY customer, paths DESC, code
