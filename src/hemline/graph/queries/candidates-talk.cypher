// Purchases -> similar -> of a department and an index bought from, where the sharding is the one
// that the talk wished for: products with all their attributes in one database, customers and
// purchases in the other. Each store is asked once.
// Parameters:
//   customer_id  string: the customer
// Columns:
//   recommended_items  codes, each as often as paths lead to it
CALL {
  USE fabric.customers
  MATCH (c:Customer {id: $customer_id})-[:PURCHASED]->(p:Product)
  RETURN collect(p.code) AS bought
}
CALL {
  USE fabric.products
  WITH bought
  MATCH (i:Index)<-[:HAS_INDEX]-(b:Product)-[:FROM_DEPARTMENT]->(d:Department)
  WHERE b.code IN bought
  WITH bought, collect(DISTINCT d.number) AS departments, collect(DISTINCT i.code) AS indexes
  UNWIND bought AS code
  MATCH (:Product {code: code})-[:SIMILAR]->(rec:Product),
        (ind:Index)<-[:HAS_INDEX]-(rec)-[:FROM_DEPARTMENT]->(dep:Department)
  WHERE dep.number IN departments AND ind.code IN indexes
  RETURN rec.code AS recommended_item
}
RETURN collect(recommended_item) AS recommended_items
