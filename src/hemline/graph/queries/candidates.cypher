// Purchases -> similar -> of a department and an index bought from, with how many paths lead there.
// One database; candidates-federated asks two, and lists a product as often as there are paths.
// Parameters:
//   customer_id  string: the customer
// Columns:
//   code   of the candidate
//   paths  purchases of the customer from which an edge SIMILAR leads to it
MATCH (c:Customer {id: $customer_id})-[:PURCHASED]->(p:Product)-[:SIMILAR]->(rec:Product)
WITH c, rec, count(*) AS paths
MATCH (ind:Index)<-[:HAS_INDEX]-(rec)-[:FROM_DEPARTMENT]->(d:Department)
WHERE EXISTS { MATCH (c)-[:PURCHASED]->(:Product)-[:FROM_DEPARTMENT]->(d) }
  AND EXISTS { MATCH (c)-[:PURCHASED]->(:Product)-[:HAS_INDEX]->(ind) }
RETURN rec.code AS code, paths
ORDER BY paths DESC, code
